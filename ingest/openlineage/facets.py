"""What each facet says, one function a facet. None of them raises, whatever JSON stands in it.

A function takes the facet as it came (any JSON) and gives values of the domain; what makes no sense in it is left out,
and where that might have been an edge, said in `odd`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ingest.openlineage.cleaning import identifier
from ingest.openlineage.gate import storable
from ingest.openlineage.naming import named
from ingest.openlineage.times import time_us
from lineage.facts import RunRef
from lineage.model import Node, Transformation, job

# Who may carry which facet is in the specification; who does carry it is another matter (facets are read under either).
JOB_FACETS = frozenset({"jobType", "sql", "sourceCode", "sourceCodeLocation", "documentation", "ownership"})
RUN_FACETS = frozenset(
    {"parent", "parentRun", "root", "nominalTime", "errorMessage", "extractionError", "test", "jobDependencies"}
)
DATASET_FACETS = frozenset(
    {
        "schema", "columnLineage", "lineage", "symlinks", "lifecycleStateChange", "ownership", "tags", "documentation",
        "dataSource", "datasetType", "storage", "catalog", "hierarchy",
    }
)  # fmt: skip
# What a dataset was at the time of one run, wherever it stands.
MEASUREMENTS = frozenset(
    {
        "dataQualityMetrics", "version", "datasetVersion", "icebergScanReport", "icebergCommitReport",
        "inputStatistics", "outputStatistics", "subset",
    }
)  # fmt: skip
ASSERTIONS = "dataQualityAssertions"

RUN_ID = re.compile("[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
# Words longer than this are no transformation's type.
LONGEST_WORD = 100
DIRECT = frozenset({"IDENTITY", "TRANSFORMATION", "AGGREGATION"})
INDIRECT = frozenset({"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"})
UNKNOWN = Transformation()
NOTHING: Mapping[str, Any] = {}


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if type(value) is dict else NOTHING


def listing(value: Any) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def content(facet: Any) -> dict[str, Any] | None:
    """A facet as facts keep it: without its producer; `_deleted` alone if it takes the facet away; None if it is none.

    >>> content({"_producer": "p", "description": "d"}), content({"_deleted": True, "x": 1}), content(5)
    ({'description': 'd'}, {'_deleted': True}, None)
    """
    if type(facet) is not dict:
        return None
    if "_deleted" in facet and facet["_deleted"] is True:
        return {"_deleted": True}
    kept = facet.copy()
    kept.pop("_producer", None)
    return kept


def is_deleted(facet: Any) -> bool:
    return isinstance(facet, dict) and facet.get("_deleted") is True


def dataset_named(stated: Any) -> Node | None:
    """The dataset that {namespace, name} inside a facet means, by its canonical name; None if it can be none.

    >>> dataset_named({"namespace": "postgresql://DB", "name": "shop.public.orders"}).id
    'dataset:postgres://db:5432:shop.public.orders'
    """
    reference = mapping(stated)
    namespace, name = identifier(reference.get("namespace")), identifier(reference.get("name"))
    if namespace is None or name is None:
        return None
    return named(namespace, name)[0]


def lifecycle(facets: Mapping[str, Any]) -> str:
    """The word of `lifecycleStateChange` in upper case; "" without one.

    >>> lifecycle({"lifecycleStateChange": {"lifecycleStateChange": "Drop"}}), lifecycle({})
    ('DROP', '')
    """
    facet = facets.get("lifecycleStateChange")
    return upper_word(mapping(facet).get("lifecycleStateChange")) if facet else ""


# ---------------------------------------------------------------------------------------------------------------- runs


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The jobs that contain a job, and their runs where they are named."""

    parent_job: Node | None = None
    root_job: Node | None = None
    parent: RunRef | None = None
    root: RunRef | None = None


def parent(facet: Any, root: Any = None) -> Ancestry:
    """The `parent` run facet of any version; `root`: the facet of that name that came before `parent.root`.

    >>> parent({"run": {"runId": "not one"}, "job": {"namespace": "n", "name": "dag"}}).parent_job.id
    'job:n:dag'
    """
    stated = mapping(facet)
    parent_job, parent_run = _run_ref(stated)
    root_job, root_run = _run_ref(mapping(stated.get("root")) or mapping(stated.get("rootParent")) or mapping(root))
    return Ancestry(parent_job, root_job, parent_run, root_run)


def _run_ref(stated: Mapping[str, Any]) -> tuple[Node | None, RunRef | None]:
    if not stated:
        return None, None
    of_job = mapping(stated.get("job")) or stated
    namespace, name = identifier(of_job.get("namespace")), identifier(of_job.get("name"))
    if namespace is None or name is None:
        return None, None
    node = job(namespace, name)
    run_id = _run_id(mapping(stated.get("run")).get("runId", stated.get("runId")))
    return node, RunRef(run_id, node) if run_id else None


def _run_id(value: Any) -> str | None:
    """A run's id in the one form that the gate lets through."""
    return value.lower() if isinstance(value, str) and RUN_ID.fullmatch(value) else None


def nominal_time(facet: Any) -> tuple[int | None, int | None]:
    """Start and end of the data interval, in microseconds."""
    stated = mapping(facet)
    return _time_us(stated.get("nominalStartTime")), _time_us(stated.get("nominalEndTime"))


def _time_us(value: Any) -> int | None:
    """A time inside a facet; None if it is none. UTC where it has no offset, as old producers write it."""
    return _time_us_of_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=1024)  # the data interval is the same for every task of a DAG run
def _time_us_of_text(text: str) -> int | None:
    for spelling in (text, f"{text}Z"):
        try:
            return time_us(spelling)
        except ValueError:
            continue
    return None


def error_message(facet: Any) -> str | None:
    message = mapping(facet).get("message")
    return str(storable(message)) if isinstance(message, str) and message else None


def extraction_failed(facet: Any) -> bool:
    """Whether `extractionError` says that something could not be extracted.

    >>> extraction_failed({"totalTasks": 3, "failedTasks": 0, "errors": []}), extraction_failed({"errors": [{}]})
    (False, True)
    """
    stated = mapping(facet)
    failed = stated.get("failedTasks")
    if isinstance(failed, int | float) and failed > 0:
        return True
    return bool(listing(stated.get("errors")))


def is_mapped(run_facets: Mapping[str, Any]) -> bool:
    """Whether an Airflow task instance is one of several that a task was mapped to.

    The COMPLETE of a mapped task lacks `airflow_mappedTask`; its `map_index` is in both.
    """
    if "airflow_mappedTask" in run_facets:
        return True
    airflow = run_facets.get("airflow")
    if airflow is None:
        return False
    index = mapping(mapping(airflow).get("taskInstance")).get("map_index")
    return isinstance(index, int) and index >= 0


def is_airflow_query(job_type: Any) -> bool:
    """Whether `jobType` says that the job is one SQL statement of an Airflow task."""
    stated = mapping(job_type)
    return stated.get("jobType") == "QUERY" and stated.get("integration") == "AIRFLOW"


def dbt_tags(facet: Any) -> list[dict[str, Any]]:
    """Tags that dbt puts on each run of a node though they are the node's: `tags` and `meta` of the project."""
    tags = (tag for tag in listing(mapping(facet).get("tags")) if isinstance(tag, dict))
    return [tag for tag in tags if tag.get("source") in ("DBT", "DBT_META") and identifier(tag.get("key"))]


# ------------------------------------------------------------------------------------------------------------- columns


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a schema facet: `top` in order; `paths` with nested ones as `a.b`; `folded`: by lower case, if one.

    whole: a column that isn't here doesn't exist: the types show that a database was asked, and not only somebody's
        documentation.
    """

    top: tuple[str, ...]
    paths: frozenset[str]
    folded: Mapping[str, str]
    whole: bool

    def spelling(self, column: str) -> str | None:
        """How the schema writes a column that column lineage names; None if it has no such column.

        Case aside, because one producer writes both from different sources (Snowflake: upper case from the database,
        lower case from SQL). A path inside a column whose own fields aren't given is believed.
        """
        if column in self.paths:
            return column
        folded = self.folded.get(column.lower())
        if folded:
            return folded
        head, dot, _ = column.partition(".")
        return column if dot and head in self.paths and not any(p.startswith(f"{head}.") for p in self.paths) else None


def columns_of(facets: Mapping[str, Any]) -> Columns | None:
    """The columns of a dataset, by its facets.

    Without catalog.json dbt knows only the columns that a project's YAML documents, most of them without a type.
    """
    return schema(facets.get("schema"), documentation="dbt_model" in facets)


def schema(facet: Any, *, documentation: bool = False) -> Columns | None:
    """Names of all columns; None if the facet names none.

    >>> sorted(schema({"fields": [{"name": "a", "fields": [{"name": "b"}]}]}).paths)
    ['a', 'a.b']
    """
    top: dict[str, None] = {}
    paths: dict[str, None] = {}
    typed = False
    stack = [("", entry) for entry in reversed(listing(mapping(facet).get("fields")))]
    while stack:
        prefix, entry = stack.pop()
        name = identifier(mapping(entry).get("name"))
        if name is None:
            continue
        paths[prefix + name] = None
        typed = typed or bool(entry.get("type"))
        if not prefix:
            top[name] = None
        stack += [(f"{prefix}{name}.", child) for child in reversed(listing(entry.get("fields")))]
    if not paths:
        return None
    folded: dict[str, str] = {}
    for path in paths:
        lower = path.lower()
        folded[lower] = "" if lower in folded else path  # two columns that differ by case only: neither is meant
    return Columns(tuple(top), frozenset(paths), folded, typed and not documentation)


# ------------------------------------------------------------------------------------------------------------- lineage


@dataclass(slots=True)
class Sources:
    """Where a target's data comes from, as one facet says.

    columns: (target column, source dataset, source column, transformation). whole: the same for all target columns.
    datasets, jobs: everything named as a source. generated: says that there is no source. odd: what made no sense.
    """

    columns: list[tuple[str, Node, str, Transformation]] = field(default_factory=list)
    whole: list[tuple[Node, str, Transformation]] = field(default_factory=list)
    datasets: set[Node] = field(default_factory=set)
    jobs: set[Node | None] = field(default_factory=set)
    partial: list[tuple[str, Node]] = field(default_factory=list)
    generated: bool = False
    odd: int = 0

    @property
    def says_something(self) -> bool:
        return bool(self.datasets or self.jobs or self.generated)

    def merge(self, other: Sources) -> None:
        self.columns += other.columns
        self.whole += other.whole
        self.partial += other.partial
        self.datasets |= other.datasets
        self.jobs |= other.jobs
        self.odd += other.odd
        self.generated = (self.generated or other.generated) and not self.datasets


def column_lineage(facet: Any) -> Sources:
    """The `columnLineage` facet of all versions.

    Spark repeats an indirect source on every output column, or with `datasetLineageEnabled` says it once under
    `dataset`; both become the same edges.
    """
    found = Sources()
    stated = mapping(facet)
    for column, entry in mapping(stated.get("fields")).items():
        old = _old_transformation(mapping(entry))
        sources = listing(mapping(entry).get("inputFields"))
        found.odd += not sources or identifier(column) is None
        for source in sources if identifier(column) else ():
            _add_source(found, source, column, old)
    for source in listing(stated.get("dataset")):
        _add_source(found, source, None, UNKNOWN)
    return found


def _add_source(found: Sources, source: Any, column: str | None, otherwise: Transformation) -> None:
    stated = mapping(source)
    node = dataset_named(stated)
    if node is None:
        found.odd += 1
        return
    found.datasets.add(node)
    from_column = identifier(stated.get("field"))
    if from_column is None:
        if column is not None:
            found.partial.append((column, node))
        return
    for transformation in _transformations(stated.get("transformations")) or (otherwise,):
        if column is None:
            found.whole.append((node, from_column, transformation))
        else:
            found.columns.append((column, node, from_column, transformation))


def _transformations(stated: Any) -> list[Transformation]:
    return [_transformation(entry) for entry in listing(stated) if isinstance(entry, dict)]


def _transformation(entry: Mapping[str, Any]) -> Transformation:
    return Transformation(upper_word(entry.get("type")), upper_word(entry.get("subtype")), entry.get("masking") is True)


def upper_word(value: Any) -> str:
    return str(storable(value.strip().upper()[:LONGEST_WORD])) if isinstance(value, str) else ""


def _old_transformation(entry: Mapping[str, Any]) -> Transformation:
    """What `transformationType` of the output column says: IDENTITY or MASKED up to 1-0-2, any word since.

    >>> _old_transformation({"transformationType": "MASKED"})
    Transformation(type='DIRECT', subtype='TRANSFORMATION', masking=True)
    """
    word = upper_word(entry.get("transformationType"))
    if word == "MASKED":
        return Transformation("DIRECT", "TRANSFORMATION", True)
    if word in ("DIRECT", "INDIRECT"):
        return Transformation(word)
    kind = "DIRECT" if word in DIRECT else "INDIRECT" if word in INDIRECT else ""
    return Transformation(kind, word)


def dataset_lineage(facet: Any) -> Sources:
    """The `lineage` facet of a dataset, or one entry of a job's: `inputs` and `fields`.

    `inputs: []` says that there is no source.
    """
    found = Sources()
    stated = mapping(facet)
    inputs = stated.get("inputs")
    for source in listing(inputs):
        _add_lineage_source(found, source, None)
    for column, entry in mapping(stated.get("fields")).items():
        if identifier(column) is None:
            found.odd += 1
            continue
        for source in listing(mapping(entry).get("inputs")):
            _add_lineage_source(found, source, column)
    found.generated = inputs == [] and isinstance(inputs, list) and not found.datasets
    return found


def _add_lineage_source(found: Sources, source: Any, column: str | None) -> None:
    stated = mapping(source)
    if upper_word(stated.get("type")) != "JOB":
        _add_source(found, stated, column, UNKNOWN)
        return
    ok, node = _job_named(stated)
    if ok:
        found.jobs.add(node)
    else:
        found.odd += 1


def _job_named(stated: Mapping[str, Any]) -> tuple[bool, Node | None]:
    """Whether a JOB can be told, and which: without namespace and name it is the event's own, None."""
    if stated.get("namespace") is None and stated.get("name") is None:
        return True, None
    namespace, name = identifier(stated.get("namespace")), identifier(stated.get("name"))
    return (True, job(namespace, name)) if namespace and name else (False, None)


def lineage_entries(facet: Any) -> Iterator[tuple[Node | None, Sources]]:
    """Targets and their sources of the `lineage` facet of a job (or run): `entries`, before 1-0-0 `lineage`.

    The target None is the event's own job.
    """
    stated = mapping(facet)
    for entry in listing(stated.get("entries")) or listing(stated.get("lineage")):
        stated_entry = mapping(entry)
        sources = dataset_lineage(stated_entry)
        if upper_word(stated_entry.get("type")) == "JOB":
            ok, target = _job_named(stated_entry)
            if ok:
                yield target, sources
            continue
        target = dataset_named(stated_entry)
        if target is not None:
            yield target, sources


# ------------------------------------------------------------------------------------------------------------- quality


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion or test, not yet tied to a dataset."""

    assertion: str
    column: str | None
    success: bool | None
    severity: str | None
    detail: Mapping[str, Any]


def assertions(facet: Any) -> list[Check]:
    """Entries of `dataQualityAssertions`, under whichever owner it stood."""
    found = []
    for entry in listing(mapping(facet).get("assertions")):
        stated = mapping(entry)
        name = identifier(stated.get("assertion")) or identifier(stated.get("name"))
        if name:
            rest = {k: v for k, v in stated.items() if k not in ("assertion", "column", "success", "severity")}
            success = stated.get("success")
            found.append(
                Check(
                    name,
                    identifier(stated.get("column")),
                    success if isinstance(success, bool) else None,
                    _severity(stated),
                    rest,
                )
            )
    return found


def run_tests(facet: Any) -> list[Check]:
    """Entries of the `test` run facet; status `skip`, or no word of the specification, is no verdict."""
    found = []
    for entry in listing(mapping(facet).get("tests")):
        stated = mapping(entry)
        name = identifier(stated.get("name"))
        if name:
            rest = {k: v for k, v in stated.items() if k not in ("status", "severity", "column")}
            verdict = {"PASS": True, "FAIL": False}.get(upper_word(stated.get("status")))
            kind = identifier(stated.get("type"))
            # dbt's type says only `singular`, or nothing; the name tells the check.
            assertion = dbt_name(name) if kind in (None, "singular", "generic") else kind
            found.append(Check(assertion, identifier(stated.get("column")), verdict, _severity(stated), rest))
    return found


def dbt_name(name: str) -> str:
    """What a dbt test is called in assertions, by its full id; any other name as it is.

    >>> dbt_name("test.shop.unique_orders_id.3b841c71a"), dbt_name("row_count")
    ('unique_orders_id', 'row_count')
    """
    parts = name.split(".")
    return parts[2] if len(parts) > 2 and parts[0] == "test" and parts[2] else name


def _severity(stated: Mapping[str, Any]) -> str | None:
    return identifier(stated.get("severity"))
