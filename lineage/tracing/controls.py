"""Which jobs of an answer wait for which: shown on request, never walked along."""

from __future__ import annotations

from lineage.model import Basis, Kind, Origin, text_of
from lineage.ports import Catalog
from lineage.tracing.answers import Laid
from lineage.tracing.rows import CONTROL, Row


def control_rows(catalog: Catalog, found: Laid) -> list[Row]:
    """Edges by source, then target, in the shape of the others. runs_seen is 0: runs aren't counted for these."""
    rows = zip(found.shown, found.nodes, strict=True)
    texts = {number: row["id"] for number, row in rows if row["kind"] == Kind.JOB.word}
    made = [
        {
            "source": texts[wait.upstream],
            "target": texts[wait.downstream],
            "kind": CONTROL,
            "origin": Origin.OBSERVED.word,
            "basis": Basis.EXPLICIT.word,
            "first_seen": text_of(wait.first_us),
            "last_seen": text_of(wait.last_us),
            "runs_seen": 0,
            "rule": wait.rule or None,
        }
        for wait in catalog.controls(list(texts))
    ]
    return sorted(made, key=lambda row: (row["source"], row["target"]))
