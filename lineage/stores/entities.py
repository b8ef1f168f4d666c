"""Lists, single entities and search: what the catalog tells people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, case, exists, func, literal, select, true
from sqlalchemy.sql import Select

from lineage.errors import InvalidCursor, UnknownNode
from lineage.facts import COMPLETE, RUNNING
from lineage.model import EdgeKind, Kind, Node, Origin, text_of
from lineage.ports import OPEN, Filter, Page
from lineage.stores import members
from lineage.stores import tables as t
from lineage.stores.aliases import aliases_of
from lineage.stores.controls import waiting
from lineage.stores.edge_facts import NEVER, seen
from lineage.stores.governance import by_people, criticality_of, flat_fields
from lineage.stores.matching import windows
from lineage.stores.members import Span
from lineage.stores.projecting.nodes import leaf_of
from lineage.stores.recents import recent
from lineage.stores.rows import by_ids, by_values, unpack

NEAREST = 5
# Of the runs and statistics of one entity, so many are in its answer; GET /runs has the rest.
RECENT = 20

NAMED = (t.node.c.id, t.node.c.kind, t.namespace.c.name.label("namespace"), t.node.c.name)


def _named(*more: Any) -> Select[Any]:
    return select(*NAMED, *more).join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)


def _node(row: Any) -> Node:
    return Node(Kind(row.kind), row.namespace, row.name)


def _id_of(after: str | None) -> int | None:
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise InvalidCursor(f"{after[:80]!r} is no cursor of this list; pass what `next` of the page before said")
    return int(after)


def _like(text: str) -> str:
    """A LIKE pattern for text anywhere; `\\` escapes."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


# ---------------------------------------------------------------------- lists


def namespaces(connection: Connection, after: str | None, limit: int) -> Page:
    last = _id_of(after)
    counts = (
        select(t.namespace.c.id, t.namespace.c.name, t.node.c.kind, func.count())
        .join(t.node, t.node.c.namespace_id == t.namespace.c.id)
        .where(t.node.c.listed)
        .group_by(t.namespace.c.id, t.namespace.c.name, t.node.c.kind)
    )
    page = select(t.namespace.c.id).order_by(t.namespace.c.id).limit(limit + 1)
    if last is not None:
        page = page.where(t.namespace.c.id > last)
    ids = list(connection.execute(page).scalars())
    found: dict[int, dict[str, Any]] = {}
    for identity, name, kind, count in connection.execute(counts.where(t.namespace.c.id.in_(ids[:limit]))):
        entry = found.setdefault(identity, {"name": name, "datasets": 0, "jobs": 0})
        entry["jobs" if kind == Kind.JOB else "datasets"] = count
    items = [found[identity] for identity in ids[:limit] if identity in found]
    return Page(items, str(ids[limit - 1]) if len(ids) > limit else None)


def nodes(connection: Connection, kind: Kind | None, wanted: Filter) -> Page:
    """kind None: datasets and jobs."""
    statement = _named(t.node.c.description, t.node.c.first_us, t.node.c.parent_id).where(t.node.c.listed)
    if kind is not None:
        statement = statement.where(t.node.c.kind == int(kind))
    last = _id_of(wanted.after)
    if last is not None:
        statement = statement.where(t.node.c.id > last)
    if wanted.namespace is not None:
        statement = statement.where(t.namespace.c.name == wanted.namespace)
    if wanted.owner is not None:
        statement = statement.where(t.node.c.id.in_(select(t.owner.c.node_id).where(t.owner.c.name == wanted.owner)))
    if wanted.tag is not None:
        key, _, value = wanted.tag.partition("=")
        tagged = select(t.tag.c.node_id).where(t.tag.c.key == key)
        statement = statement.where(t.node.c.id.in_(tagged.where(t.tag.c.value == value) if value else tagged))
    if wanted.text is not None:
        statement = statement.where(func.lower(t.node.c.name).like(_like(wanted.text), escape="\\"))
    parts = [true()] if wanted.among is None else windows(connection, last or 0, wanted.among)
    rows: list[Any] = []
    for part in parts:
        rows += connection.execute(statement.where(part).order_by(t.node.c.id).limit(wanted.limit + 1 - len(rows)))
        if len(rows) > wanted.limit:
            break
    more = len(rows) > wanted.limit
    rows = rows[: wanted.limit]
    return Page(summaries(connection, rows), str(rows[-1].id) if more else None)


def summaries(connection: Connection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """What a list says of each node; rows have the columns of `nodes`."""
    ids = [row.id for row in rows]
    owners, tags = _owners(connection, ids), _tags(connection, ids)
    first, seen = members.first_seen(connection, ids), members.last_seen(connection, ids)
    parents = names(connection, {row.parent_id for row in rows if row.parent_id})
    return [
        {
            "id": _node(row).id,
            "kind": Kind(row.kind).word,
            "namespace": row.namespace,
            "name": row.name,
            "description": row.description,
            "owners": owners.get(row.id, []),
            "tags": tags.get(row.id, []),
            **({"parent": parents[row.parent_id].id if row.parent_id else None} if row.kind == Kind.JOB else {}),
            "first_seen": text_of(first[row.id]),
            "last_seen": text_of(seen.get(row.id)),
        }
        for row in rows
    ]


def names(connection: Connection, ids: Iterable[int]) -> dict[int, Node]:
    found: dict[int, Node] = {}
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), 500):
        for row in connection.execute(_named().where(t.node.c.id.in_(wanted[start : start + 500]))):
            found[row.id] = _node(row)
    return found


def _owners(connection: Connection, ids: Iterable[int]) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = {}
    for row in sorted(by_values(connection, list(t.owner.c), t.owner.c.node_id, ids), key=lambda r: r.ordinal):
        found.setdefault(row.node_id, []).append({"name": row.name, "type": row.type})
    return found


def _tags(connection: Connection, ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(by_values(connection, list(t.tag.c), t.tag.c.node_id, ids), key=lambda r: r.ordinal):
        entry = {"key": row.key, "value": row.value, "source": row.source}
        found.setdefault(row.node_id, []).append({**entry, "field": row.field} if row.field else entry)
    return found


def last_seen(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    c = t.observation.c
    found: dict[int, int] = {}
    for row in by_values(connection, [c.node_id, c.last_us], c.node_id, ids):
        found[row.node_id] = max(row.last_us, found.get(row.node_id, row.last_us))
    return found


def seen_of(
    connection: Connection, owners: set[int], origins: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Last time and number of runs of edges, by edge id, from the sets of edges that their owners showed.

    origins: of the edges asked for, by id.
    """
    edges = sorted(origins)
    wanted, origin = (np.asarray(column, dtype=np.int64) for column in (edges, [origins[edge] for edge in edges]))
    last, runs = seen(connection, wanted, np.asarray(list(owners), dtype=np.int64), origin)
    shown = np.flatnonzero(last != NEVER).tolist()
    return {edges[at]: int(last[at]) for at in shown}, {edges[at]: int(runs[at]) for at in shown}


# ---------------------------------------------------------------------- single entities


def _entity(connection: Connection, identity: int, spans: Sequence[Span]) -> dict[str, Any]:
    row = connection.execute(
        _named(t.node.c.description, t.node.c.first_us, t.node.c.parent_id).where(t.node.c.id == identity)
    ).one()
    answer = summaries(connection, [row])[0]
    answer["facets"] = present_facets(connection, [span.id for span in spans])
    answer["criticality"] = criticality_of(answer["facets"])
    answer["aliases"] = _aliases(connection, identity)
    return answer


def _aliases(connection: Connection, identity: int) -> list[dict[str, Any]]:
    """Other names: how each is known to be one, and those that a symlinks facet gives and nothing joined."""
    found = {
        (alias["namespace"], alias["name"]): {"how": alias["by"], "type": alias.get("type", "")}
        for alias in aliases_of(connection, identity)
    }
    said = connection.execute(select(t.alias).where(t.alias.c.node_id == identity).order_by(t.alias.c.ordinal))
    own = names(connection, [identity])[identity]
    for alias in said:
        if (alias.namespace, alias.name) != (own.namespace, own.name):
            found.setdefault((alias.namespace, alias.name), {"how": "symlink", "type": alias.type})
    return [{"namespace": space, "name": name, **how} for (space, name), how in sorted(found.items())]


def present_facets(connection: Connection, nodes: Collection[int]) -> dict[str, Any]:
    """The newest content of each facet of nodes that are one; one that was deleted last is not there."""
    winners: dict[str, tuple[int, bytes, bytes]] = {}
    for last_us, name, digest, body in _observed(connection, nodes):
        winners[name] = max(winners.get(name, (last_us, digest, body)), (last_us, digest, body))
    facets = {name: orjson.loads(body) for name, (_, _, body) in sorted(winners.items())}
    return {
        name: content for name, content in facets.items() if not (isinstance(content, dict) and content.get("_deleted"))
    }


def _observed(connection: Connection, nodes: Collection[int]) -> list[tuple[int, str, bytes, bytes]]:
    """(last time, facet key, digest, body) of all that was said of nodes that are one."""
    seen: dict[int, int] = {}
    for _, last_us, packed in _bundles(connection, nodes):
        for facet in unpack(packed):
            seen[facet] = max(last_us, seen.get(facet, last_us))
    rows = by_values(connection, list(t.facet.c), t.facet.c.id, seen)
    return [(seen[row.id], row.name, bytes(row.digest), bytes(row.body)) for row in rows]


def _bundles(connection: Connection, nodes: Collection[int]) -> list[tuple[int, int, bytes]]:
    """First time, last time and facets of each bundle that nodes were described with."""
    o, b = t.observation.c, t.bundle.c
    seen = by_ids(connection, [o.bundle_id, o.first_us, o.last_us], o.node_id, nodes)
    facets = dict(by_ids(connection, [b.id, b.facet_ids], b.id, (row[0] for row in seen)))
    return [(first_us, last_us, facets[bundle]) for bundle, first_us, last_us in seen]


def versions(connection: Connection, nodes: Collection[int]) -> list[dict[str, Any]]:
    """Every schema a dataset was seen with, newest last; first and last time each was reported."""
    spans: dict[int, tuple[int, int]] = {}
    for first_us, last_us, packed in _bundles(connection, nodes):
        for facet in unpack(packed):
            old = spans.get(facet, (first_us, last_us))
            spans[facet] = (min(first_us, old[0]), max(last_us, old[1]))
    found = [row for row in by_values(connection, list(t.facet.c), t.facet.c.id, spans) if row.name == "schema"]
    found.sort(key=lambda row: (spans[row.id], bytes(row.digest)))
    return [
        {
            "version": bytes(row.digest).hex()[:12],
            "fields": flat_fields(orjson.loads(bytes(row.body))),
            "first_seen": text_of(spans[row.id][0]),
            "last_seen": text_of(spans[row.id][1]),
        }
        for row in found
    ]


def dataset(connection: Connection, identity: int) -> dict[str, Any]:
    spans = members.members_of(connection, identity)
    ids = [span.id for span in spans]
    answer = _entity(connection, identity, spans)
    answer["schema"] = _schema(connection, ids, by_people(answer["facets"]).get("schema"), answer["tags"])
    answer["versions"] = versions(connection, ids)
    answer["lifecycle"] = answer["facets"].get("lifecycleStateChange")
    answer["inputs"] = _neighbours(connection, ids, incoming=True, kind=EdgeKind.WROTE)
    answer["outputs"] = _neighbours(connection, ids, incoming=False, kind=EdgeKind.READ)
    answer["assertions"] = _assertions(connection, members.said_of(t.assertion, spans), identity)
    answer["statistics"] = _statistics(connection, members.said_of(t.statistic, spans), identity)
    return answer


def _schema(
    connection: Connection, nodes: Collection[int], facet: Any, tags: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Fields of the newest schema; where none was reported, those that column lineage named."""
    fields = flat_fields(facet)
    if not fields:
        named = {row[0] for row in by_ids(connection, [t.field.c.name], t.field.c.dataset_id, nodes)}
        fields = [{"name": name, "type": None, "description": None} for name in sorted(named)]
    by_field: dict[str, list[dict[str, Any]]] = {}
    for tag in tags:
        if "field" in tag:
            by_field.setdefault(tag["field"], []).append({key: tag[key] for key in ("key", "value", "source")})
    return [{**entry, "tags": by_field.get(entry["name"], [])} for entry in fields]


def job(connection: Connection, identity: int, window: int = 1) -> dict[str, Any]:
    answer = _entity(connection, identity, members.members_of(connection, identity))
    answer["inputs"] = _neighbours(connection, [identity], incoming=True, kind=EdgeKind.READ)
    answer["outputs"] = _neighbours(connection, [identity], incoming=False, kind=EdgeKind.WROTE)
    children = _named().where(t.node.c.parent_id == identity, t.node.c.listed).order_by(t.node.c.name, t.node.c.id)
    answer["children"] = [_node(row).id for row in connection.execute(children)]
    answer |= waiting(connection, identity) | recent(connection, identity, window)
    answer["runs"] = runs(connection, identity, None, RECENT).items
    return answer


def _neighbours(connection: Connection, nodes: Collection[int], *, incoming: bool, kind: EdgeKind) -> list[str]:
    """Ids of what is joined by living edges of a kind to nodes that are one, by name."""
    e = t.edge.c
    here, there = (e.target_id, e.source_id) if incoming else (e.source_id, e.target_id)
    alive = exists().where(t.life.c.edge_id == e.id, t.life.c.closed_us == OPEN)
    found = by_ids(connection, [there], here, nodes, e.kind == int(kind), e.published, ~e.suppressed, alive)
    ends = {row[0] for row in found}
    stands = {row[0] for row in by_ids(connection, [t.node.c.same_id], t.node.c.id, ends)}
    return sorted({node.id for node in names(connection, stands).values()})


def _run_words(connection: Connection, pks: Iterable[int]) -> dict[int, str]:
    return {row.id: row.run_id for row in by_values(connection, [t.run.c.id, t.run.c.run_id], t.run.c.id, pks)}


def _assertions(connection: Connection, where: Any, of: int | None = None) -> list[dict[str, Any]]:
    """The newest result of each check. of: the one dataset that all rows are of, under whatever name."""
    # Ids depend on arrival and decide nothing: of checks at one time the greater content stands.
    newest: dict[tuple[int, bytes], Any] = {}
    found = connection.execute(select(t.assertion).where(where)).all()
    for row in sorted(found, key=lambda row: (row.at_us, str(row.success), bytes(row.detail))):
        newest[of or row.dataset_id, bytes(row.key)] = row
    rows = sorted(newest.values(), key=lambda row: (row.assertion, row.column or "", bytes(row.key), bytes(row.detail)))
    words = _run_words(connection, {row.run_pk for row in rows})
    datasets = _shown(connection, rows, of)
    return [
        {
            "dataset": datasets[row.dataset_id, row.at_us].id,
            "assertion": row.assertion,
            "column": row.column,
            "success": row.success,
            "severity": row.severity,
            "at": text_of(row.at_us),
            "run": words.get(row.run_pk),
            **{
                k: v
                for k, v in orjson.loads(bytes(row.detail)).items()
                if k in ("name", "expected", "actual", "description")
            },
        }
        for row in rows
    ]


def _shown(connection: Connection, rows: Collection[Any], of: int | None) -> dict[tuple[int, int], Node]:
    """What rows are of, by the dataset and the time that they tell: under the name that stands for it now."""
    if of is not None:
        node = names(connection, [of])[of]
        return {(row.dataset_id, row.at_us): node for row in rows}
    stands: dict[tuple[int, int], int] = {}
    for at_us in {row.at_us for row in rows}:
        at_once = {row.dataset_id for row in rows if row.at_us == at_us}
        meant = members.shown_at(connection, at_once, at_us)
        stands |= {(dataset, at_us): same for dataset, same in meant.items()}
    named = names(connection, stands.values())
    return {key: named[same] for key, same in stands.items()}


def _statistics(connection: Connection, where: Any, of: int | None = None) -> list[dict[str, Any]]:
    """The newest measurement of each kind, per role. of: the one dataset that all rows are of, under whatever name."""
    recent = (
        select(t.statistic)
        .where(where)
        .order_by(t.statistic.c.at_us.desc(), t.statistic.c.body.desc())
        .limit(RECENT * 10)
    )
    newest: dict[tuple[int, str, str], Any] = {}
    for row in connection.execute(recent):
        newest.setdefault((of or row.dataset_id, row.role, row.facet), row)
    words = _run_words(connection, {row.run_pk for row in newest.values()})
    datasets = _shown(connection, newest.values(), of)
    return [
        {
            "dataset": datasets[row.dataset_id, row.at_us].id,
            "role": row.role,
            "facet": row.facet,
            "at": text_of(row.at_us),
            "run": words.get(row.run_pk),
            "content": orjson.loads(bytes(row.body)),
        }
        for row in sorted(
            newest.values(), key=lambda row: (datasets[row.dataset_id, row.at_us].id, row.role, row.facet)
        )
    ]


# ---------------------------------------------------------------------- runs


def state_of(row: Any) -> str:
    """The word for where a run stands: its terminal state, unless it was begun again since.

    Airflow gives a cleared task the run id it had before, so a later START opens a run again; any other late event
    doesn't.
    """
    if row.terminal is not None and (row.start_us is None or row.start_us <= row.terminal_us):
        return str(row.terminal)
    return RUNNING if row.start_us is not None or row.running else "OTHER"


def runs(connection: Connection, owner: int | None, after: str | None, limit: int) -> Page:
    """Newest first by arrival."""
    statement = select(t.run).where(t.run.c.origin == int(Origin.OBSERVED)).order_by(t.run.c.id.desc()).limit(limit + 1)
    last = _id_of(after)
    if last is not None:
        statement = statement.where(t.run.c.id < last)
    if owner is not None:
        statement = statement.where(t.run.c.owner_id == owner)
    rows = connection.execute(statement).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(run_items(connection, rows), str(rows[-1].id) if more else None)


def run_items(connection: Connection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    named = names(connection, {i for row in rows for i in (row.owner_id, row.parent_id, row.root_id) if i})
    items = []
    for row in rows:
        state = state_of(row)
        ended = row.terminal_us if state == row.terminal else None
        items.append(
            {
                "id": f"run:{row.run_id}",
                "kind": "run",
                "run_id": row.run_id,
                "job": named[row.owner_id].id,
                "state": state,
                "started_at": text_of(row.first_us),
                "ended_at": text_of(ended),
                "duration_s": (ended - row.first_us) / 1_000_000 if ended is not None else None,
                "nominal_start": text_of(row.nominal_start_us),
                "nominal_end": text_of(row.nominal_end_us),
                "parent": _reference(row.parent_run, named.get(row.parent_id)),
                "root": _reference(row.root_run, named.get(row.root_id)),
                "error": row.error if state not in (COMPLETE, RUNNING) else None,
                "lineage_incomplete": bool(row.incomplete),
            }
        )
    return items


def _reference(run_id: str | None, job_node: Node | None) -> dict[str, Any] | None:
    return {"run_id": run_id, "job": job_node.id if job_node else None} if run_id else None


def run(connection: Connection, run_id: str) -> dict[str, Any]:
    """A run in full. `other_jobs` names further jobs that report under the same run id: a fault of the producer."""
    rows = connection.execute(
        select(t.run).where(t.run.c.run_id == run_id, t.run.c.origin == int(Origin.OBSERVED)).order_by(t.run.c.id)
    ).all()
    if not rows:
        raise UnknownNode(f"run:{run_id[:100]}")
    items = run_items(connection, rows)
    answer, row = items[0], rows[0]
    answer["other_jobs"] = [item["job"] for item in items[1:]]
    answer["events"] = list(
        connection.execute(
            select(t.run_event.c.position).where(t.run_event.c.run_pk == row.id).order_by(t.run_event.c.position)
        ).scalars()
    )
    packed = connection.execute(select(t.edge_set.c.edge_ids).where(t.edge_set.c.id == row.edge_set_id)).scalar()
    edges = list(by_values(connection, list(t.edge.c), t.edge.c.id, unpack(packed) if packed else []))
    read = {e.source_id for e in edges if e.kind == EdgeKind.READ and e.published}
    wrote = {e.target_id for e in edges if e.kind == EdgeKind.WROTE and e.published}
    stands = members.shown_at(connection, read | wrote, row.last_us)
    named = names(connection, stands.values())
    answer["inputs"] = sorted({named[stands[i]].id for i in read})
    answer["outputs"] = sorted({named[stands[i]].id for i in wrote})
    answer["assertions"] = _assertions(connection, t.assertion.c.run_pk == row.id)
    answer["statistics"] = _statistics(connection, t.statistic.c.run_pk == row.id)
    return answer


# ---------------------------------------------------------------------- search


def search(connection: Connection, text: str, kind: Kind | None, limit: int) -> list[dict[str, Any]]:
    """Best first: the last part of the name is the text, begins with it, then the text anywhere in the name."""
    if not text:
        return []
    if kind is Kind.FIELD:
        return _search_fields(connection, text, limit)
    wanted = text.lower()
    columns = (t.node.c.description, t.node.c.first_us, t.node.c.parent_id)
    base = _named(*columns).where(t.node.c.listed)
    if kind is not None:
        base = base.where(t.node.c.kind == int(kind))
    order = (func.length(t.node.c.name), t.namespace.c.name, t.node.c.name, t.node.c.kind)
    found: dict[int, Any] = {}
    last_part = leaf_of(text)
    steps = [
        func.lower(t.node.c.name) == wanted if last_part != wanted else t.node.c.leaf == wanted[:200],
        (t.node.c.leaf >= wanted[:200]) & (t.node.c.leaf < wanted[:199] + "\U0010fffd"),
        func.lower(t.node.c.name).like(_like(text), escape="\\"),
    ]
    for step in steps:
        if len(found) >= limit:
            break
        statement = base.where(step).order_by(*order).limit(limit)
        for row in connection.execute(statement):
            found.setdefault(row.id, row)
    return summaries(connection, list(found.values())[:limit])


def _search_fields(connection: Connection, text: str, limit: int) -> list[dict[str, Any]]:
    lowered = func.lower(t.field.c.name)
    rank = case((lowered == literal(text.lower()), 0), (lowered.like(_like(text)[1:], escape="\\"), 1), else_=2)
    member = t.node.alias("member")
    statement = _named(t.field.c.name.label("field")).join(member, member.c.same_id == t.node.c.id)
    statement = statement.join(t.field, t.field.c.dataset_id == member.c.id).where(t.field.c.same_id == t.field.c.id)
    statement = statement.where(t.node.c.listed, lowered.like(_like(text), escape="\\"))
    statement = statement.order_by(
        rank, func.length(t.field.c.name), t.namespace.c.name, t.node.c.name, t.field.c.name
    ).limit(limit)
    rows = connection.execute(statement).all()
    return [
        {
            "id": Node(Kind.FIELD, row.namespace, row.name, row.field).id,
            "kind": "field",
            "namespace": row.namespace,
            "name": row.name,
            "field": row.field,
        }
        for row in rows
    ]


def nearest(connection: Connection, possible: Sequence[Node]) -> tuple[str, ...]:
    """Names near to one that isn't known: the same last part, or one that begins alike."""
    kind = Kind.DATASET if possible[0].kind is Kind.FIELD else possible[0].kind
    leaf = leaf_of(possible[0].name)
    if len(leaf) < 3:
        return ()
    begins = leaf[: max(3, len(leaf) - 2)]
    statement = _named().where(t.node.c.listed, t.node.c.kind == int(kind))
    statement = statement.where(t.node.c.leaf >= begins, t.node.c.leaf < begins + "\U0010fffd")
    rows = connection.execute(statement.order_by(t.node.c.leaf, t.node.c.id).limit(NEAREST)).all()
    return tuple(_node(row).id for row in rows)
