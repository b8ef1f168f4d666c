"""What the last successful runs of a job read and wrote: how steady its inputs are."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, or_, select

from lineage.facts import COMPLETE
from lineage.model import EdgeKind, Kind, Node, Origin
from lineage.stores import tables as t
from lineage.stores.histories import rules_of
from lineage.stores.rows import by_values, chunks, unpack
from lineage.stores.windows import windows_of

LEAST = 10


def recent(connection: Connection, job: int, window: int = 1) -> dict[str, list[dict[str, Any]]]:
    """How many of a job's last successful runs show each dataset: of as many as its window has, but at least ten.

    `recent_inputs`, `recent_outputs`: {dataset, seen, of}, by name. window: the default of the installation.
    """
    wanted = max(LEAST, windows_of(connection, [job], window)[job])
    r = t.run.c
    closes = (r.terminal == COMPLETE) & ~r.incomplete & (r.edge_set_id != 0)
    newest = select(r.edge_set_id).where(r.owner_id == job, r.origin == int(Origin.OBSERVED), closes)
    newest = newest.where(or_(r.start_us.is_(None), r.start_us <= r.terminal_us))
    newest = newest.order_by(r.first_us.desc(), r.run_id.desc()).limit(wanted)
    runs = list(connection.execute(newest).scalars())
    packed = by_values(connection, list(t.edge_set.c), t.edge_set.c.id, runs)
    rules = rules_of(connection, {(job, int(Origin.OBSERVED)): []}, {})[job, int(Origin.OBSERVED)]
    sets = {row.id: rules.kept(frozenset(unpack(bytes(row.edge_ids)))) for row in packed}
    ends = _ends(connection, {edge for edges in sets.values() for edge in edges})
    seen = Counter(end for run in runs for end in {ends[edge] for edge in sets[run] if edge in ends})
    return {
        f"recent_{side}": [
            {"dataset": node.id, "seen": count, "of": len(runs)}
            for (of, node), count in sorted(seen.items(), key=lambda item: item[0][1])
            if of is kind
        ]
        for side, kind in (("inputs", EdgeKind.READ), ("outputs", EdgeKind.WROTE))
    }


def _ends(connection: Connection, edges: set[int]) -> dict[int, tuple[EdgeKind, Node]]:
    """The dataset that each READ or WROTE joins to the job, under the name that stands for it today."""
    e, n = t.edge.c, t.node.c
    derived = e.kind == int(EdgeKind.DERIVED)
    rows = by_values(connection, [e.id, e.kind, e.source_id, e.target_id], e.id, edges, ~derived)
    datasets = {
        row.id: (EdgeKind(row.kind), row.source_id if row.kind == EdgeKind.READ else row.target_id) for row in rows
    }
    same = {
        row.id: row.same_id for row in by_values(connection, [n.id, n.same_id], n.id, (d for _, d in datasets.values()))
    }
    joined = select(n.id, n.kind, t.namespace.c.name.label("namespace"), n.name)
    joined = joined.join(t.namespace, t.namespace.c.id == n.namespace_id)
    names = {
        row.id: Node(Kind(row.kind), row.namespace, row.name)
        for chunk in chunks(list(set(same.values())))
        for row in connection.execute(joined.where(n.id.in_(chunk)))
    }
    return {edge: (kind, names[same[dataset]]) for edge, (kind, dataset) in datasets.items()}
