"""Names that are paths: roots, slashes, partition folders."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.naming_rules import Scheme

_FOLDER = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*=[^=].*|[A-Za-z_][A-Za-z0-9_.\-]*=", re.DOTALL)
# What engines write into partitions without an ending: `part-00000`, `part-r-00000`, `_SUCCESS`, Hive's `000000_0`;
# and `*`, all of it.
_PART_FILE = re.compile(r"part-(?:[rm]-)?[0-9].*|[_.].+|[0-9]{6}_[0-9]+(?:_copy_[0-9]+)?|\*", re.DOTALL)
_ELSEWHERE = re.compile(r"[A-Za-z]:[\\/].*|~.*|\.\.?(/.*)?|[A-Za-z][A-Za-z0-9+.\-]*://.*", re.DOTALL)


def tidy(scheme: Scheme, path: str, *, anchored: bool) -> Iterator[tuple[str, str]]:
    """What the rules make of a path, one after the other: (rule, path so far). Drive letters, `~`, `..` stay.

    anchored: a host stands before it, so even a bare name is from the root.
    """
    if _ELSEWHERE.fullmatch(path) or not path.strip("/"):
        return
    if scheme.root == "":
        path = path.lstrip("/")
        yield "path-root", path
    elif not path.startswith("/") and (anchored or "/" in path.strip("/")):
        path = f"/{path}"
        yield "path-root", path
    path = path.rstrip("/")
    if scheme.folders:
        lead = "/" if path.startswith("/") else ""
        path = lead + "/".join(part for part in path.split("/") if part not in ("", "."))
    if path:
        yield "path-slash", path


def fold_partitions(path: str, endings: frozenset[str]) -> tuple[str, str]:
    """The dataset above the partitions, and what was folded away. Paths of partitions alone stay.

    Folded is the last run of `key=value` folders, with the one file in it, if any. A folder below a partition is a
    dataset of its own: `raw/source=crm/accounts` is not `raw`. endings: of files; `dt=2026.csv` is a file, no folder.

    >>> fold_partitions("orders/dt=2026-05-01/hour=3/part-0.parquet", frozenset({"parquet"}))
    ('orders', 'dt=2026-05-01/hour=3/part-0.parquet')
    >>> fold_partitions("raw/source=crm/accounts/dt=2026-05-01", frozenset())
    ('raw/source=crm/accounts', 'dt=2026-05-01')
    """
    segments = path.split("/") if "=" in path else []
    end = len(segments)
    while (start := _partitions(segments, end, endings)) < end and any(segments[:start]):
        end = start  # once more: what is left may end in a file of a partition itself
    if end == len(segments):
        return path, ""
    return "/".join(segments[:end]), "/".join(segments[end:])


def _partitions(segments: list[str], end: int, endings: frozenset[str]) -> int:
    """Where the last run of partition folders before `end` begins; `end` if there is none."""
    start = last = end - 1 if end and _is_file(segments[end - 1], endings) else end
    while start and _FOLDER.fullmatch(segments[start - 1]):
        start -= 1
    return start if start < last else end


def _is_file(segment: str, endings: frozenset[str]) -> bool:
    stem, _, ending = segment.rpartition(".")
    if stem and ending.lower() in endings:
        return True
    return _PART_FILE.fullmatch(segment) is not None and not _FOLDER.fullmatch(segment)
