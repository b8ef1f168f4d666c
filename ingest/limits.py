"""How much of anything one request may bring."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the contract. Sizes in bytes, of UTF-8 for text.

    body: of a request, inflated. gzip_ratio: inflated over compressed. depth: objects and arrays inside each other, the
    event itself being the first. input_fields: of one dataset's column lineage. integer_digits: what a double still
    holds, so that every number of an event can be computed with. containers: objects and arrays in one body, brackets
    in texts counted with them. faults: places named in one answer.
    """

    body: int = 32 * MIB
    gzip_ratio: int = 200
    depth: int = 64
    identifier: int = 4096
    facet: int = MIB
    batch_events: int = 10_000
    columns: int = 50_000
    input_fields: int = 200_000
    integer_digits: int = 308
    containers: int = 2_000_000
    faults: int = 100
