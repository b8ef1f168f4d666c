"""Is this an OpenLineage event? Identifiers strictly, facets forgivingly.

What would make a node, an edge or a time wrong is refused with its pointer; what is only inside a facet is kept as it
came. Accepts RunEvent, JobEvent and DatasetEvent of spec 2-0-2 and every older 1-x form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from ingest.errors import Refused, fault, pointer
from ingest.limits import Limits
from ingest.openlineage.gate import Document, Gate, storable, unstorable, written
from ingest.openlineage.times import time_us

RUN, JOB, DATASET = "run", "job", "dataset"
# What the schema URL of an event begins with; the kind of event follows.
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_KIND_OF_SCHEMA = {"RunEvent": RUN, "JobEvent": JOB, "DatasetEvent": DATASET}
_EVENT_TYPES = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"})
_RUN_ID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
# Where a name that stands twice could make two readers of the event see two different lineages.
_CORE = re.compile(r"(?:/(?:run|job|dataset|(?:inputs|outputs)/\d+))?")
# Facets that carry edges are bounded by columns and input fields: to cut them off would lose lineage.
_UNCUT = frozenset({"schema", "columnLineage", "lineage", "symlinks"})
_BOM = b"\xef\xbb\xbf"
_SHOWN = 80  # characters of a wrong value in a reason


@dataclass(frozen=True, slots=True)
class Event:
    """A sound event. canonical: the JSON that its digest is made of.

    raw: its bytes as received; None where they hold more than `body` (a name that stood twice, a facet cut off) or
    where it came in a batch. cut: pointers of facets that were too large and are now {_truncated, _bytes, _sha256}.
    """

    body: dict[str, Any]
    kind: str
    canonical: bytes
    odd: bool = False
    raw: bytes | None = None
    cut: tuple[str, ...] = ()


class Parser:
    """Bodies to events, within limits."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._gate = Gate(self.limits)

    def event(self, body: bytes) -> Event:
        """The one event in `body`. Raises Refused: 400 if it is not JSON, 422 if it is no event, with every place."""
        document = self._gate.read(body)
        return self._sound(document.value, "", document, body.removeprefix(_BOM))

    def batch(self, body: bytes) -> Iterator[Event | Refused]:
        """Each event of an array, or why it is none. Raises Refused if `body` is no array or holds too many."""
        documents = self._gate.read_array(body)
        documents.reverse()
        at = 0
        while documents:
            document = documents.pop()  # so that one event's value is gone before the next one's is looked at
            try:
                yield self._sound(document.value, f"/{at}", document)
            except Refused as refusal:
                refusal.body = document.canonical
                yield refusal
            at += 1

    def _sound(self, value: Any, prefix: str, document: Document, raw: bytes | None = None) -> Event:
        if type(value) is not dict:
            raise Refused(422, "an event is a JSON object", [fault(prefix, "is no object")])
        for where in document.repeated:
            if _CORE.fullmatch(where[len(prefix) :]):
                raise Refused(
                    400, "a name stands twice in one object; send it once", [fault(where, "has a name twice")]
                )
        kind = kind_of(value)
        check = _Check(self.limits, prefix, document.odd)
        check.event(value, kind)
        if check.faults:
            raise Refused(422, f"the event is not a sound {_word(kind)}: {_first(check.faults)}", check.faults)
        canonical = document.canonical
        cut = _cut_facets(value, self.limits.facet) if len(canonical) > self.limits.facet else []
        whole = raw is not None and not cut and not document.repeated
        return Event(
            value, kind, written(value) if cut else canonical, document.odd, raw if whole else None, tuple(cut)
        )


def parse(body: bytes, limits: Limits | None = None) -> dict[str, Any]:
    """The event in `body`, with every text storable and the run's id in lower case. Raises Refused."""
    event = Parser(limits).event(body)
    return _settled(storable(event.body) if event.odd else event.body)


def event_of(body: bytes) -> dict[str, Any]:
    """The event in a body that the journal holds: read, not judged again, for the limits may have been others then."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = storable(Gate(Limits(depth=500)).read(body).value)
    else:
        if b"\\u0000" in body:
            event = storable(event)
    return _settled(event)


def kind_of(event: dict[str, Any]) -> str:
    """RUN, JOB or DATASET: by the fragment of schemaURL, or where that names none of them, by the members.

    >>> kind_of({"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent", "job": {}})
    'job'
    >>> kind_of({"eventTime": "2020-12-28T19:52:00.001+10:00", "run": {}, "job": {}})
    'run'
    """
    schema = event.get("schemaURL")
    if isinstance(schema, str):
        kind = _KIND_OF_SCHEMA.get(schema.rpartition("/")[2])
        if kind is not None:
            return kind
    if event.get("run") is not None or event.get("eventType") is not None:
        return RUN
    if event.get("dataset") is not None and event.get("job") is None:
        return DATASET
    return JOB if event.get("job") is not None else RUN


class _Check:
    """Collects what is wrong with one event."""

    def __init__(self, limits: Limits, prefix: str, odd: bool) -> None:
        self.faults: list[dict[str, str]] = []
        self._limits = limits
        self._prefix = prefix
        self._odd = odd
        # A character has at most four bytes: up to here the length in characters decides.
        self._short = limits.identifier // 4

    def event(self, event: dict[str, Any], kind: str) -> None:
        self._time(event.get("eventTime"))
        for name in ("producer", "schemaURL"):
            # Producers of 1-x leave them out; nothing in the catalog rests on them.
            value = event.get(name)
            if value is not None and type(value) is not str:
                self._fault((name,), "is no text")
        if kind is DATASET:
            self._dataset(event.get("dataset"), ("dataset",))
            return
        if kind is RUN:
            self._run(event)
        job = self._named(event.get("job"), ("job",))
        if job is not None:
            self._lineage(job.get("facets"), ("job", "facets"))
        for role in ("inputs", "outputs"):
            datasets = event.get(role)
            if type(datasets) is list:
                for at, dataset in enumerate(datasets):
                    self._dataset(dataset, (role, at))
            elif datasets is not None:
                self._fault((role,), "is no array")

    def _fault(self, where: tuple[str | int, ...], reason: str) -> None:
        if len(self.faults) < self._limits.faults:
            self.faults.append(fault(self._prefix + pointer(*where), reason))

    def _time(self, value: Any) -> None:
        if type(value) is not str:
            self._fault(("eventTime",), "is missing" if value is None else "is no text")
            return
        try:
            time_us(value)
        except ValueError as error:
            self._fault(("eventTime",), f"{error}: {value[:_SHOWN]!r}")

    def _run(self, event: dict[str, Any]) -> None:
        word = event.get("eventType")
        if word is not None and (type(word) is not str or word not in _EVENT_TYPES):
            self._fault(("eventType",), f"is none of {', '.join(sorted(_EVENT_TYPES))}")
        run = event.get("run")
        if type(run) is not dict:
            self._fault(("run",), "is missing" if run is None else "is no object")
            return
        run_id = run.get("runId")
        if type(run_id) is not str or _RUN_ID.fullmatch(run_id) is None:
            self._fault(("run", "runId"), "is missing" if run_id is None else "is no UUID of 36 characters")
        facets = run.get("facets")
        if type(facets) is dict:
            parent = facets.get("parent")
            if type(parent) is dict:
                self._parent(parent)

    def _parent(self, parent: dict[str, Any]) -> None:
        where = ("run", "facets", "parent")
        self._bounded(parent.get("job"), (*where, "job"))
        root = parent.get("root")
        if type(root) is dict:
            self._bounded(root.get("job"), (*where, "root", "job"))

    def _named(self, value: Any, where: tuple[str | int, ...]) -> dict[str, Any] | None:
        if type(value) is not dict:
            self._fault(where, "is missing" if value is None else "is no object")
            return None
        short = self._short
        for part in ("namespace", "name"):
            text = value.get(part)
            if type(text) is not str or not 0 < len(text) <= short or self._odd:
                self._identifier(text, (*where, part))
        return value

    def _identifier(self, text: Any, where: tuple[str | int, ...]) -> None:
        if type(text) is not str:
            self._fault(where, "is missing" if text is None else "is no text")
        elif not text:
            self._fault(where, "is empty")
        elif unstorable(text):
            self._fault(where, "has a NUL or half a surrogate pair")
        elif len(text) > self._short and len(text.encode()) > self._limits.identifier:
            self._fault(where, f"is longer than {self._limits.identifier:,} bytes of UTF-8")

    def _bounded(self, value: Any, where: tuple[str | int, ...]) -> None:
        """A name inside a facet: what can't be one is skipped later, but one that no store holds is refused."""
        if type(value) is not dict:
            return
        for part in ("namespace", "name", "field"):
            text = value.get(part)
            if type(text) is str and text and (len(text) > self._short or self._odd):
                self._identifier(text, (*where, part))

    def _dataset(self, value: Any, where: tuple[str | int, ...]) -> None:
        dataset = self._named(value, where)
        if dataset is None:
            return
        facets = dataset.get("facets")
        if type(facets) is not dict:
            return
        schema = facets.get("schema")
        if type(schema) is dict:
            self._columns(schema.get("fields"), (*where, "facets", "schema", "fields"))
        column_lineage = facets.get("columnLineage")
        if type(column_lineage) is dict:
            self._column_lineage(column_lineage, (*where, "facets", "columnLineage"))
        symlinks = facets.get("symlinks")
        if type(symlinks) is dict and type(symlinks.get("identifiers")) is list:
            for at, identifier in enumerate(symlinks["identifiers"]):
                self._bounded(identifier, (*where, "facets", "symlinks", "identifiers", at))
        self._lineage(facets, (*where, "facets"))

    def _columns(self, fields: Any, where: tuple[str | int, ...]) -> None:
        """Names of all columns, those inside structs too."""
        count, short = 0, self._short
        rest: list[tuple[Any, tuple[str | int, ...]]] = [(fields, where)]
        while rest:
            level, at_level = rest.pop()
            if type(level) is not list:
                continue
            count += len(level)
            if count > self._limits.columns:
                self._fault(where, f"has more than {self._limits.columns:,} columns")
                return
            for at, column in enumerate(level):
                if type(column) is not dict:
                    continue
                name = column.get("name")
                # Not a text: no column, and only a facet's fault. An empty or endless one: a wrong identifier.
                if type(name) is str and (not 0 < len(name) <= short or self._odd):
                    self._identifier(name, (*at_level, at, "name"))
                if "fields" in column:
                    rest.append((column["fields"], (*at_level, at, "fields")))

    def _column_lineage(self, facet: dict[str, Any], where: tuple[str | int, ...]) -> None:
        fields = facet.get("fields")
        outputs = fields if type(fields) is dict else {}
        if len(outputs) > self._limits.columns:
            self._fault((*where, "fields"), f"has more than {self._limits.columns:,} columns")
            return
        count, short = 0, self._short
        for column, origins in outputs.items():
            if not 0 < len(column) <= short or self._odd:
                self._identifier(column, (*where, "fields", column[:_SHOWN]))
            if type(origins) is dict and type(origins.get("inputFields")) is list:
                count += len(origins["inputFields"])
                if count > self._limits.input_fields:
                    break
                self._origins(origins["inputFields"], (*where, "fields", column, "inputFields"))
        whole = facet.get("dataset")
        if type(whole) is list:
            count += len(whole)
            if count <= self._limits.input_fields:
                self._origins(whole, (*where, "dataset"))
        if count > self._limits.input_fields:
            self._fault(where, f"has more than {self._limits.input_fields:,} input fields")

    def _origins(self, origins: list[Any], where: tuple[str | int, ...]) -> None:
        short = self._short
        for at, origin in enumerate(origins):
            if type(origin) is not dict:
                continue
            for part in ("namespace", "name", "field"):
                text = origin.get(part)
                if type(text) is str and (not 0 < len(text) <= short or self._odd):
                    self._identifier(text, (*where, at, part))

    def _lineage(self, facets: Any, where: tuple[str | int, ...]) -> None:
        """Names and number of inputs in a lineage facet, of a job or of a dataset."""
        lineage = facets.get("lineage") if type(facets) is dict else None
        if type(lineage) is not dict:
            return
        count = 0
        rest: list[tuple[Any, tuple[str | int, ...]]] = [(lineage, (*where, "lineage"))]
        while rest:
            part, at_part = rest.pop()
            members = part.get("fields")
            for name, column in members.items() if type(members) is dict else ():
                if self._odd or len(name) > self._short:
                    self._identifier(name, (*at_part, "fields", name[:_SHOWN]))
                if type(column) is dict:
                    rest.append((column, (*at_part, "fields", name)))
            for group in ("entries", "inputs"):
                items = part.get(group)
                if type(items) is not list:
                    continue
                count += len(items)
                for at, item in enumerate(items[: self._limits.input_fields]):
                    self._bounded(item, (*at_part, group, at))
                    if group == "entries" and type(item) is dict:
                        rest.append((item, (*at_part, group, at)))
            if count > self._limits.input_fields:
                self._fault((*where, "lineage"), f"has more than {self._limits.input_fields:,} inputs")
                return


def _cut_facets(event: dict[str, Any], limit: int) -> list[str]:
    """Replaces every facet above the limit by its size and hash; their pointers."""
    owners: list[tuple[tuple[str | int, ...], Any]] = [((name,), event.get(name)) for name in ("run", "job", "dataset")]
    for role in ("inputs", "outputs"):
        datasets = event.get(role)
        owners += [((role, at), item) for at, item in enumerate(datasets)] if isinstance(datasets, list) else []
    cut = []
    for where, owner in owners:
        for group in ("facets", "inputFacets", "outputFacets"):
            facets = owner.get(group) if isinstance(owner, dict) else None
            if isinstance(facets, dict):
                cut += [pointer(*where, group, key) for key in _cut_large(facets, limit)]
    return cut


def _cut_large(facets: dict[str, Any], limit: int) -> list[str]:
    cut = []
    for key, facet in facets.items():
        content = b"" if key in _UNCUT else written(facet)
        if len(content) > limit:
            facets[key] = {
                "_truncated": True,
                "_bytes": len(content),
                "_sha256": hashlib.sha256(content).hexdigest(),
            }
            cut.append(key)
    return cut


def _settled(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its run's id in lower case: two spellings of one UUID are one run."""
    run = event.get("run")
    if isinstance(run, dict) and isinstance(run.get("runId"), str) and not run["runId"].islower():
        run["runId"] = run["runId"].lower()
    return event


def _word(kind: str) -> str:
    return next(word for word, known in _KIND_OF_SCHEMA.items() if known == kind)


def _first(faults: list[dict[str, str]]) -> str:
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0]['pointer'] or 'the event'} {faults[0]['reason']}{more}"
