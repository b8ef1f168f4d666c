"""GET /diff: what came, went and changed between two times, or between two runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.errors import Invalid
from api.openapi import answer, unknown
from api.params import FieldName, Here, KindWord, Moment, Name, Namespace, NodeId, Waited, Whole, node_named
from api.schemas import DiffAnswer
from lineage.changes import DEPTH, LIMIT, Around, between, between_runs
from lineage.model import us_of
from lineage.traces import MAX_DEPTH

router = APIRouter(tags=["lineage"])

MAX_ROWS = 10_000
Run = Annotated[str | None, Query(min_length=1, max_length=1_024, description="Id of a run, beside the other one.")]


@router.get("/diff", operation_id="diff", dependencies=[Waited], responses={**answer(DiffAnswer), **unknown()})
def get_diff(
    here: Here,
    since: Annotated[Moment | None, Query(alias="from", description="What was so at this time …")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="… against this one; default: now.")] = None,
    node: NodeId = None,
    kind: KindWord = None,
    namespace: Namespace = None,
    name: Name = None,
    field: FieldName = None,
    depth: Annotated[Whole, Query(ge=0, le=MAX_DEPTH, description="Hops around the node, up and down.")] = DEPTH,
    from_run: Run = None,
    to_run: Run = None,
    limit: Annotated[Whole, Query(ge=1, le=MAX_ROWS, description="Rows of each list; totals are exact.")] = LIMIT,
) -> Response:
    """Nodes, edges, columns, tags and owners that came, went or changed: between two times, or between two runs."""
    parts = {"node": node, "kind": kind, "namespace": namespace, "name": name, "field": field}
    given = [word for word, value in parts.items() if value is not None]
    if from_run is not None or to_run is not None:
        one, other = _runs(from_run, to_run, {"from": since, "to": until, **parts})
        return json_answer(between_runs(here.catalog, here.history, one, other, limit))
    if since is None:
        raise Invalid(("/query/from", "give from= and to= (times), or from_run= and to_run="))
    until = us_of(datetime.now(UTC)) if until is None else until
    if since > until:
        raise Invalid(("/query/from", "is after `to`; give the earlier time as `from`"))
    around = Around(node_named(node, kind, namespace, name, field), depth) if given else None
    return json_answer(between(here.catalog, here.graph, here.history, since, until, around, limit))


def _runs(one: str | None, other: str | None, rest: dict[str, object]) -> tuple[str, str]:
    """The two runs. Raises Invalid for half of a pair, and for runs mixed with times or a node."""
    wrong = [(f"/query/{word}", "belongs to a diff of times, not of runs") for word, v in rest.items() if v is not None]
    if one is None:
        wrong.append(("/query/from_run", "is needed beside to_run"))
    if other is None:
        wrong.append(("/query/to_run", "is needed beside from_run"))
    if wrong or one is None or other is None:
        raise Invalid(*wrong)
    return one.removeprefix("run:"), other.removeprefix("run:")
