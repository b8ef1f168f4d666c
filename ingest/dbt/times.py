"""Times in artifacts. They are the artifacts' own, never the clock's: to read them again must give equal events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.dbt.artifacts import Artifacts, listing, mapping, text
from ingest.openlineage.times import time_us


def moment(stated: str, otherwise: str) -> str:
    """A time as events have it; `otherwise` if it is none. UTC where it has no offset.

    >>> moment("2026-11-21T09:08:09", ""), moment("yesterday", "2026-11-21T00:00:00Z")
    ('2026-11-21T09:08:09Z', '2026-11-21T00:00:00Z')
    """
    for spelling in (stated, f"{stated}Z"):
        try:
            time_us(spelling)
        except ValueError:
            continue
        return spelling
    return otherwise


def latest(artifacts: Artifacts) -> str:
    """When what the project says was written: the manifest, or a catalog that is newer."""
    written = written_at(artifacts.manifest)
    asked = moment(text(mapping(artifacts.catalog.get("metadata")).get("generated_at")), written)
    return max(written, asked, key=time_us)


def written_at(artifact: Mapping[str, Any]) -> str:
    return moment(text(mapping(artifact.get("metadata")).get("generated_at")), "1970-01-01T00:00:00Z")


def span(result: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """When a node was executed, as dbt-ol has it; `otherwise` twice for what wasn't."""
    for stage in ("execute", "compile"):
        for timing in listing(result.get("timing")):
            if text(mapping(timing).get("name")) == stage and timing.get("started_at"):
                began = moment(text(timing.get("started_at")), otherwise)
                return began, moment(text(timing.get("completed_at")), began)
    return otherwise, otherwise
