"""Shapes of answers as they go over the wire: what the OpenAPI document says. Neither tables nor the domain.

Answers are not built from these (orjson writes them at once); tests/api holds the two against each other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-05-01T12:00:00.000000Z"])]
NodeText = Annotated[str, Field(examples=["dataset:postgres://db:5432:shop.public.orders"])]


class Shape(BaseModel):
    """Fields may be added in later versions; those here stay."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})


class Fault(Shape):
    pointer: Annotated[str, Field(description="Where: a JSON pointer into the body, or /query/NAME.")]
    reason: str


class ProblemDocument(Shape):
    """RFC 9457."""

    type: Annotated[str, Field(examples=["urn:headwater:problem:unknown"])]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: list[Fault] = []
    nearest: Annotated[list[str], Field(description="Known nodes with a name like the one asked for.")] = []


class OwnerName(Shape):
    name: str
    type: str | None


class TagName(Shape):
    key: str
    value: str | None
    source: str | None = None


class TraceNode(Shape):
    id: NodeText
    kind: Literal["dataset", "job", "field"]
    namespace: str
    name: str
    field: Annotated[str, Field(description="Only of kind field.")] = ""
    distance: Annotated[int, Field(ge=0, description="Hops from the root at the granularity asked for.")]
    side: Literal["root", "upstream", "downstream", "both"]
    guessed: Annotated[bool, Field(description="Nothing but guesses (basis implicit_product) leads here.")] = False
    description: str | None = None
    type: str | None = None
    owners: list[OwnerName] = []
    tags: list[TagName] = []


class TransformationShape(Shape):
    type: str | None
    subtype: str | None
    masking: bool


class TraceEdge(Shape):
    source: NodeText
    target: NodeText
    kind: Annotated[
        Literal["read", "wrote", "derived", "feeds", "control"],
        Field(description="`feeds` joins DAGs; `control`: one job waits for another, no data goes along it."),
    ]
    transformation: Annotated[TransformationShape, Field(description="Only at granularity field.")] = None  # type: ignore[assignment]
    origin: Literal["observed", "declared"]
    basis: Literal["explicit", "column", "parsed", "implicit_single", "implicit_product"]
    first_seen: Time
    last_seen: Time
    runs_seen: Annotated[int, Field(ge=0)]
    stale: Annotated[bool, Field(description="Observed, and not seen again for `stale_after_days`.")] = False
    jobs: Annotated[list[str], Field(description="The jobs between, at granularity dataset and field.")] = []
    through: Annotated[list[str], Field(description="Datasets between two DAGs, up to 20 of them.")] = []
    through_total: Annotated[int, Field(ge=0, description="How many datasets lie between two DAGs.")] = 0
    weakest_basis: Annotated[str, Field(description="At granularity dag, of all that is one edge.")] = ""
    rule: Annotated[str | None, Field(description="Only of kind control: the trigger rule.")] = None


class Trust(Shape):
    edges: Annotated[int, Field(ge=0, description="Edges of the answer that data goes along.")]
    by_basis: Annotated[dict[str, int], Field(description="How many of them are known how; every basis is there.")]
    guessed_share: Annotated[float, Field(ge=0, le=1, description="Those of basis implicit_product over all.")]
    guessed_nodes: Annotated[int, Field(ge=0, description="Nodes that nothing but guesses leads to.")]


class Totals(Shape):
    datasets: int
    jobs: int
    fields: int
    dags: Annotated[int, Field(description="Outermost parents of all jobs on the way.")]


class SelectionWarning(Shape):
    term: Annotated[str, Field(description="The part of the selection that means nothing, or not all it says.")]
    reason: str
    nearest: Annotated[list[str], Field(description="What may have been meant, the likeliest first.")]


class TraceAnswer(Shape):
    root: NodeText
    direction: Literal["upstream", "downstream", "both"]
    granularity: Literal["dataset", "job", "field", "dag"]
    depth: Annotated[int, Field(ge=0, le=500)] | Literal["all"]
    as_of: Annotated[Time | None, Field(description="The time asked for; null: now.")]
    known_at: Annotated[Time | None, Field(description="Events received later don't count; null: all do.")]
    position: Annotated[int, Field(ge=0, description="Of the journal: the answer knows all events up to here.")]
    truncated: Annotated[bool, Field(description="The answer ends before the depth asked for, at a whole hop.")]
    nodes: list[TraceNode]
    edges: list[TraceEdge]
    totals: Totals
    trust: Trust
    warnings: Annotated[list[SelectionWarning], Field(description="Only with `select`.")] = []


class NodeChange(Shape):
    id: NodeText


class EdgeChange(Shape):
    source: NodeText
    target: NodeText
    kind: Literal["read", "wrote", "derived"]


class FieldChange(Shape):
    dataset: NodeText
    field: str


class TagChange(Shape):
    node: NodeText
    field: Annotated[str, Field(description="Empty for a tag of the node itself.")]
    key: str


class OwnerChange(Shape):
    node: NodeText
    name: str


class Changed(Shape):
    """Rows by what they are found by. Added and removed ones with what they said; changed ones with before, after."""

    nodes: list[NodeChange]
    edges: list[EdgeChange]
    fields: list[FieldChange]
    tags: list[TagChange]
    owners: list[OwnerChange]
    statistics: Annotated[list[dict[str, Any]], Field(description="Only between two runs.")] = []


class DiffTotals(Shape):
    added: dict[str, int]
    removed: dict[str, int]
    changed: dict[str, int]


class DiffAnswer(Shape):
    from_: Annotated[str, Field(alias="from", description="A time, or `run:ID`.")]
    to: str
    node: NodeText | None
    depth: int | None
    position: Annotated[int, Field(ge=0, description="Of the journal: the answer knows all events up to here.")]
    added: Changed
    removed: Changed
    changed: Changed
    totals: Annotated[DiffTotals, Field(description="Exact, also where lists end early.")]
    truncated: Annotated[bool, Field(description="A list holds fewer rows than its total.")]


class Entity(Shape):
    """What a list says of a dataset or job."""

    id: NodeText
    kind: Literal["dataset", "job"]
    namespace: str
    name: str
    description: str | None
    owners: list[OwnerName]
    tags: list[TagName]
    first_seen: Time | None
    last_seen: Time | None


class Hit(Shape):
    id: NodeText
    kind: Literal["dataset", "job", "field"]
    namespace: str
    name: str


class Column(Shape):
    name: str
    type: str | None
    description: str | None


class SchemaVersion(Shape):
    version: str
    fields: list[Column]
    first_seen: Time
    last_seen: Time


class DatasetAnswer(Entity):
    criticality: Annotated[str | None, Field(description="Said by hand: low, medium, high or critical.")] = None
    columns: Annotated[list[Column], Field(alias="schema")]
    versions: list[SchemaVersion]
    facets: dict[str, Any]
    aliases: list[dict[str, Any]]
    assertions: list[dict[str, Any]]
    statistics: list[dict[str, Any]]
    inputs: Annotated[list[NodeText], Field(description="Jobs that write it now.")]
    outputs: Annotated[list[NodeText], Field(description="Jobs that read it now.")]


class AliasItem(Shape):
    namespace: str
    name: str
    by: Annotated[
        Literal["rule", "symlink", "catalog", "rename", "person"], Field(description="What made it one with the node.")
    ]
    id: Annotated[str | None, Field(description="Of what else has a node; a spelling has none.")] = None
    rule: Annotated[str | None, Field(description="Ids of the rules of names, joined by blanks.")] = None
    folded: Annotated[str | None, Field(description="Partition folders that the rules left out.")] = None
    type: Annotated[str | None, Field(description="Of a symlink, as TABLE or LOCATION.")] = None
    since: Annotated[Time | None, Field(description="Of a name that was used again: since when it meant this.")] = None
    event: Annotated[int, Field(description="Position of the first event that said so.")]
    at: Time
    author: str | None = None
    reason: str | None = None


class ConflictItem(Shape):
    kind: Literal["suppressed_shown", "added_contradicted", "rename_contradicted", "split_asserted"]
    nodes: list[NodeText]
    at: Annotated[Time, Field(description="Of the word, or the rename, that is contradicted.")]
    event: Annotated[int, Field(description="Its position.")]


class ConflictsAnswer(Shape):
    items: list[ConflictItem]
    next: str | None


class SuggestionItem(Shape):
    node: NodeText
    score: Annotated[float, Field(ge=0, le=1)]
    reasons: list[str]
    environments_differ: Annotated[bool, Field(description="As of dev and prod: then nothing scores above 0.5.")]


class IdentityAnswer(Shape):
    id: NodeText
    namespace: str
    name: str
    aliases: list[AliasItem]
    total: Annotated[int, Field(description="Of all aliases.")]
    next: str | None
    conflicts: list[ConflictItem]
    suggestions: Annotated[list[SuggestionItem], Field(description="What may be the same: a person decides.")]


class RunItem(Shape):
    id: str
    kind: Literal["run"]
    run_id: str
    job: NodeText
    state: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]
    started_at: Time | None
    ended_at: Time | None
    duration_s: float | None
    error: str | None


class Wait(Shape):
    job: NodeText
    rule: Annotated[str | None, Field(description="The trigger rule, as the producer wrote it.")]
    first_seen: Time
    last_seen: Time


class Recent(Shape):
    dataset: NodeText
    seen: Annotated[int, Field(description="Of the last successful runs, at least ten if there are, so many show it.")]
    of: int


class JobAnswer(Entity):
    criticality: Annotated[str | None, Field(description="Said by hand: low, medium, high or critical.")] = None
    facets: dict[str, Any]
    inputs: list[NodeText]
    outputs: list[NodeText]
    children: Annotated[list[NodeText], Field(description="Jobs that name it as their parent.")]
    recent_inputs: Annotated[
        list[Recent], Field(description="Datasets that its last successful runs read; not with as_of or known_at.")
    ] = []
    recent_outputs: list[Recent] = []
    waits_for: Annotated[list[Wait], Field(description="Jobs that run before it; no data need come from them.")]
    awaited_by: list[Wait]
    runs: Annotated[list[RunItem], Field(description="The newest runs; GET /runs has all.")]


class RunAnswer(RunItem):
    inputs: list[NodeText]
    outputs: list[NodeText]
    events: Annotated[list[int], Field(description="Positions of its events in the journal.")]


class NamespaceItem(Shape):
    name: str
    datasets: int
    jobs: int


class EntityPage(Shape):
    items: list[Entity]
    next: str | None
    selection: Annotated[str, Field(description="Only with `select`: how it was understood.")] = ""
    warnings: Annotated[list[SelectionWarning], Field(description="Only with `select`.")] = []


class SelectionTotals(Shape):
    datasets: int
    jobs: int


class SelectAnswer(Shape):
    selection: Annotated[str, Field(description="How it was understood: in words, with all its parentheses.")]
    position: Annotated[int, Field(ge=0, description="Of the journal: the answer knows all events up to here.")]
    totals: SelectionTotals
    warnings: list[SelectionWarning]
    items: list[Entity]
    next: str | None


class RunPage(Shape):
    items: list[RunItem]
    next: str | None


class NamespacePage(Shape):
    items: list[NamespaceItem]
    next: str | None


class HitPage(Shape):
    items: list[Hit]
    next: None


class JournalHealth(Shape):
    position: int | None
    error: str | None = None


class ProjectionHealth(Shape):
    position: int | None
    lag: Annotated[int | None, Field(description="Events of the journal that it hasn't taken in.")]
    error: str | None = None


class GraphHealth(ProjectionHealth):
    store: Annotated[str, Field(examples=["embedded", "neo4j"])]


class Projections(Shape):
    catalog: ProjectionHealth
    graph: GraphHealth


class HealthAnswer(Shape):
    status: Annotated[
        Literal["ok", "degraded", "down"],
        Field(description="degraded: events are taken, answers are late; down: no events are taken."),
    ]
    journal: JournalHealth
    projections: Projections


class Alive(Shape):
    status: Literal["ok"]
