"""From what an event names to the edges it supports.

Edges join a dataset and the event's job, but what supports them is pairs: that this input went into that output. So
each edge tells which output it serves (`Edge.flow`), and inputs of one output never reach another one through the job.
By output the strongest word wins: what a `lineage` facet says of it is the whole of it, then columns (`columnLineage`),
then the text of the job's SQL, then the mere presence in one event. Source of the rules: "Explicit Lineage" in
OpenLineage's proposals, its precedence rules and what it says of dangling inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage.facets import Columns, Sources
from ingest.openlineage.sql import Parsed
from lineage.facts import Described, EdgeSet, NotLinked, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Kind, Node, Transformation
from lineage.model import field as field_node

# DERIVED edges of one event: 200,000 is what the intake takes of input fields in one columnLineage facet.
MOST_DERIVED = 200_000
# Pairs that one event may support by mere presence: 100 inputs x 100 outputs. Past it one flow, "", serves them all.
MOST_PAIRS = 10_000
# How many names a reason lists.
NAMED = 5


@dataclass(frozen=True, slots=True)
class Linked:
    """The edges of an event, what it named besides its inputs and outputs, and what became no edge."""

    edges: EdgeSet
    extra: tuple[Described, ...]
    not_linked: tuple[NotLinked, ...]


def link(
    owner: Node,
    inputs: Mapping[Node, Mapping[str, Any]],
    outputs: Mapping[Node, Mapping[str, Any]],
    explicit: Sequence[Any] = (),
    *,
    at_rest: bool = False,
    sql: Parsed | None = None,
) -> Linked:
    """Edges of one event.

    owner: its job; of a DatasetEvent that names sources, the job that stands for its statement, else the dataset (then
    `outputs` holds that dataset alone, and at_rest is true). inputs, outputs: facets by dataset. explicit: `lineage`
    facets of the job and of the run. sql: what the job's SQL says. Order of none of them matters.
    Cost: sources named, plus columns times dataset-wide sources up to MOST_DERIVED, plus pairs up to MOST_PAIRS.
    """
    dropped = {node for node, facets in outputs.items() if read.lifecycle(facets) == "DROP"}
    if dropped:  # the job wrote nothing that is gone when it has ended
        outputs = {node: facets for node, facets in outputs.items() if node not in dropped}
    return _Linking(owner, inputs, outputs, explicit, dropped, at_rest, sql or Parsed()).linked()


@dataclass(slots=True)
class _Linking:
    """Works out one event."""

    owner: Node
    inputs: Mapping[Node, Mapping[str, Any]]
    outputs: Mapping[Node, Mapping[str, Any]]
    explicit: Sequence[Any]
    dropped: set[Node]
    at_rest: bool
    sql: Parsed
    bases: dict[tuple[EdgeKind, Node, Node, str, Transformation], Basis] = field(default_factory=dict)
    jobs: set[Node] = field(default_factory=set)
    targets: set[Node] = field(default_factory=set)
    origins: set[Node] = field(default_factory=set)
    reasons: set[tuple[str, str]] = field(default_factory=set)
    stated_sources: set[Node] = field(default_factory=set)
    no_tables: set[Node] = field(default_factory=set)
    derived: int = 0

    def linked(self) -> Linked:
        statements = self._statements()
        stated = {node: statements.pop(node, None) for node in sorted(self.outputs)}
        columns = {node: self._link_output(node, statement) for node, statement in stated.items()}
        for target in sorted(statements):
            self._link_other_target(target, statements[target])
        self._link_lost(statements)
        if self.owner.kind is Kind.JOB:
            self._link_implicit(stated, columns)
        for node in sorted(self.inputs.keys() - self.outputs.keys()):
            self._link_described_input(node)
        return Linked(edge_set(self._edges()), self._extra(), self._not_linked())

    # ------------------------------------------------------------------------------------------- what is said outright

    def _statements(self) -> dict[Node, Sources]:
        """By target, what `lineage` facets say of it; a facet that says nothing leaves everything as without it."""
        found: dict[Node, Sources] = {}
        for facet in self.explicit:
            for target, sources in read.lineage_entries(facet):
                node = target or self._own_job()
                if node is not None:
                    self._state(found, node, sources)
        for node, facets in self.outputs.items():
            self._state(found, node, read.dataset_lineage(facets.get("lineage")))
        return found

    def _state(self, found: dict[Node, Sources], target: Node, sources: Sources) -> None:
        if sources.odd:
            self._say(
                target, f"{sources.odd} sources in its lineage facet name no dataset and no job; they are ignored"
            )
        if not sources.says_something or target in self.dropped:
            return
        if target in found:
            found[target].merge(sources)
        else:
            found[target] = sources

    def _own_job(self) -> Node | None:
        return None if self.at_rest else self.owner

    # ---------------------------------------------------------------------------------------------------- by target

    def _link_output(self, node: Node, statement: Sources | None) -> set[Node]:
        """Links one output by what is said of it; the sources of its columns where these are all that is said."""
        columns = read.columns_of(self.outputs[node])
        by_column = self._column_lineage(node, self.outputs[node], columns)
        if statement is not None:
            self._link_statement(node, statement, columns)
            self._confirm_columns(node, statement, by_column, columns)
            return set()
        self._link_columns(node, by_column, columns, Basis.COLUMN)
        self._link_sources(node, by_column.datasets, Basis.COLUMN)
        return by_column.datasets | self._link_parsed(node, by_column, columns)

    def _link_statement(self, node: Node, statement: Sources, columns: Columns | None) -> None:
        if self.at_rest:
            self.stated_sources |= statement.datasets - self.outputs.keys()
        self._drop_unknown_columns(node, statement, columns, "lineage")
        self._link_columns(node, statement, columns, Basis.EXPLICIT)
        self._link_sources(node, statement.datasets, Basis.EXPLICIT)
        self._wrote(node, Basis.EXPLICIT, node.id)
        for other in statement.jobs:
            self._wrote_by(other, node)

    def _link_sources(self, node: Node, sources: Iterable[Node], basis: Basis) -> None:
        """The job reads these for this output."""
        flow = node.id
        for source in sources:
            self._read(source, basis, flow)
            self._wrote(node, basis, flow)

    def _link_other_target(self, target: Node, statement: Sources) -> None:
        """A target of a job's `lineage` facet that is no output: another dataset, this job, another job."""
        if target.kind is Kind.JOB:
            self._link_job(target, statement)
            return
        others = {other for other in statement.jobs if other not in (None, self.owner)}
        self.targets.add(target)
        if others and not statement.datasets and len(others) == len(statement.jobs):
            for other in others:
                self._wrote_by(other, target)
            return
        self._link_statement(target, statement, None)

    def _link_job(self, target: Node, statement: Sources) -> None:
        self.jobs.add(target)
        for source in statement.datasets:
            self._add(EdgeKind.READ, source, target, Basis.EXPLICIT)
            self._origin(source)
        for other in statement.jobs:
            named = other or self.owner
            self._say(
                named, f"it is said to feed {target.id}; there is no edge from job to job without a dataset between"
            )

    def _confirm_columns(self, node: Node, statement: Sources, by_column: Sources, columns: Columns | None) -> None:
        """Column lineage beside a statement without columns refines it; otherwise the statement is the whole of it."""
        if statement.columns or statement.whole:
            return
        refused = by_column.datasets - statement.datasets
        for source in refused:
            self._say(
                source,
                f"columnLineage names it as a source of {node.id}, the lineage facet doesn't, and that facet decides",
            )
        by_column.columns = [entry for entry in by_column.columns if entry[1] not in refused]
        by_column.whole = [entry for entry in by_column.whole if entry[0] not in refused]
        self._link_columns(node, by_column, columns, Basis.COLUMN)

    # --------------------------------------------------------------------------------------------------- by column

    def _column_lineage(self, node: Node, facets: Mapping[str, Any], columns: Columns | None) -> Sources:
        facet = facets.get("columnLineage")
        found = read.column_lineage(facet)
        if found.odd or not (facet is None or read.is_deleted(facet) or isinstance(facet, dict)):
            self._say(
                node, f"{max(found.odd, 1)} entries of its columnLineage name no column or no source; they are ignored"
            )
        self._drop_unknown_columns(node, found, columns, "columnLineage")
        return found

    def _drop_unknown_columns(self, node: Node, found: Sources, columns: Columns | None, facet: str) -> None:
        """Airflow gives each output of a task the columns of all its statements: the schema tells which are its own."""
        if columns is None:
            return
        named = {column for column, _, _, _ in found.columns}.union(column for column, _ in found.partial)
        spelled = {column: columns.spelling(column) or ("" if columns.whole else column) for column in named}
        found.columns = [(spelled[c], source, field, how) for c, source, field, how in found.columns if spelled[c]]
        found.partial = [(spelled[c], source) for c, source in found.partial if spelled[c]]
        foreign = sorted(column for column, spelling in spelled.items() if not spelling)
        if not foreign:
            return
        if facet == "columnLineage":
            # A source that fed only columns of another output is no source of this one.
            left = {s for _, s, _, _ in found.columns} | {s for _, s in found.partial} | {s for s, _, _ in found.whole}
            found.datasets &= left
        verb = "are" if len(foreign) > 1 else "is"
        self._say(node, f"{_names(foreign)} of its {facet} {verb} not in its schema: no edge to a column it lacks")

    def _link_columns(self, node: Node, found: Sources, columns: Columns | None, basis: Basis) -> None:
        if self.derived + len(found.columns) > MOST_DERIVED:
            self._say(
                node,
                f"{len(found.columns):,} column edges would pass {MOST_DERIVED:,} of one event; the dataset is linked",
            )
            return
        for column, source, from_column, transformation in found.columns:
            self._derive(source, from_column, node, column, transformation, basis)
        targets = sorted({column for column, *_ in found.columns}.union(columns.top if columns else ()))
        if self.derived + len(targets) * len(found.whole) > MOST_DERIVED:
            self._say(
                node,
                f"{len(found.whole):,} columns that affect all its {len(targets):,} would pass {MOST_DERIVED:,} edges"
                " of one event; the dataset is linked",
            )
            return
        for source, from_column, transformation in found.whole:
            for column in targets:
                self._derive(source, from_column, node, column, transformation, basis)

    def _link_described_input(self, node: Node) -> None:
        """What an input says of its own columns' sources; this job has no part in it, so no READ or WROTE follows."""
        facets = self.inputs[node]
        if "columnLineage" not in facets and "lineage" not in facets:
            return
        columns = read.columns_of(facets)
        stated = read.dataset_lineage(facets.get("lineage"))
        if stated.says_something:
            self._drop_unknown_columns(node, stated, columns, "lineage")
            self._link_columns(node, stated, columns, Basis.EXPLICIT)
            self._say_sources_of_input(node, stated)
        if not (stated.columns or stated.whole or stated.generated):
            self._link_columns(node, self._column_lineage(node, facets, columns), columns, Basis.COLUMN)

    def _say_sources_of_input(self, node: Node, sources: Sources) -> None:
        """No job is known that wrote an input, so only its columns can be joined to theirs."""
        with_columns = {source for _, source, _, _ in sources.columns} | {source for source, _, _ in sources.whole}
        for source in sources.datasets - with_columns:
            self._say(
                source, f"it feeds {node.id}, but neither a job nor columns are named: nothing to draw the edge by"
            )

    # ------------------------------------------------------------------------------------------------------- by SQL

    def _link_parsed(self, node: Node, by_column: Sources, columns: Columns | None) -> set[Node]:
        """What SQL adds to an output's columns: the tables that they don't name, and columns that they don't tell of.

        A column counts as told of if a table is named for it; a CTE or a function that a parser took for one isn't.
        """
        found = self.sql.by_target.get(node)
        if found is None:
            return set()
        self.no_tables |= {source for source in by_column.datasets if self._is_no_table(source)}
        told = {column.lower() for column, source, _, _ in by_column.columns if source not in self.no_tables}
        told |= {column.lower() for column, source in by_column.partial if source not in self.no_tables}
        adds = Sources([entry for entry in found.columns if entry[0].lower() not in told])
        if not told and not by_column.whole:
            adds.whole = found.whole
        self._drop_unknown_columns(node, adds, columns, "SQL")
        self._link_columns(node, adds, columns, Basis.PARSED)
        self._link_sources(node, found.datasets, Basis.PARSED)
        self.stated_sources |= found.datasets - self.outputs.keys() - self.inputs.keys()
        return found.datasets

    def _is_no_table(self, node: Node) -> bool:
        """Whether what column lineage names is a CTE, an alias or a function in the SQL, and no table in it."""
        if node in self.inputs or node in self.outputs or self._is_read(node):
            return False
        return node.name.rpartition(".")[2].strip('"`[]').lower() in self.sql.names

    def _is_read(self, node: Node) -> bool:
        return any(node in found.datasets for found in self.sql.by_target.values())

    def _link_lost(self, statements: Mapping[Node, Sources]) -> None:
        """Tables that the SQL writes or reads and the event names nowhere."""
        if self.owner.kind is not Kind.JOB or self.at_rest:
            return
        for target in sorted(self.sql.by_target.keys() - self.outputs.keys() - self.dropped - statements.keys()):
            self.targets.add(target)
            self._wrote(target, Basis.PARSED, target.id)
            self._link_parsed(target, Sources(), None)
        for node in sorted(self.sql.reads - self.inputs.keys() - self.outputs.keys()):
            self.stated_sources.add(node)
            self._read(node, Basis.PARSED, "")
        for reason in self.sql.reasons:
            self._say(self.owner, reason)

    # -------------------------------------------------------------------------------------------------- by presence

    def _link_implicit(self, stated: Mapping[Node, Sources | None], columns: Mapping[Node, set[Node]]) -> None:
        """What outputs and inputs without a word support by standing in one event.

        An output without a word gets every input. One that has columns gets, if it is the only one, also the inputs
        they don't name: a parser of SQL may not have understood a join. Of several outputs nobody knows which.
        """
        silent = [node for node, statement in stated.items() if statement is None and not columns[node]]
        alone = len(self.outputs) == 1 or len(self.inputs) <= 1
        self._link_present(silent, Basis.IMPLICIT_SINGLE if alone else Basis.IMPLICIT_PRODUCT)
        if len(self.outputs) == 1:
            for node, sources in columns.items():
                self._link_sources(node, self.inputs.keys() - sources if sources else (), Basis.IMPLICIT_SINGLE)
        read_already = {source for kind, source, job, *_ in self.bases if kind is EdgeKind.READ and job == self.owner}
        for node in sorted(self.inputs.keys() - read_already):
            self._link_dangling(node, stated)

    def _link_present(self, outputs: Sequence[Node], basis: Basis) -> None:
        many = len(outputs) * len(self.inputs) > MOST_PAIRS
        for node in outputs:
            flow = "" if many else node.id
            self._wrote(node, basis, flow)
            if not many:
                for source in self.inputs:
                    self._read(source, basis, flow)
        if many:
            for source in self.inputs:
                self._read(source, basis, "")

    def _link_dangling(self, node: Node, stated: Mapping[Node, Sources | None]) -> None:
        """An input that goes into no output: where there is none, or where each has a word and none names it.

        The job consumed it for itself (proposal, rule 2), so it stays linked to the job; but not where all outputs are
        said to come from nowhere.
        """
        if not stated:
            self._read(node, Basis.IMPLICIT_SINGLE, "")
        elif all(statement is not None and statement.generated for statement in stated.values()):
            self._say(node, "every output is said to have no source (inputs: []), so this input is not linked to them")
        else:
            self._read(node, Basis.IMPLICIT_PRODUCT, "")
            self._say(node, "what is said of the outputs names it for none of them: it is linked to the job alone")

    # ------------------------------------------------------------------------------------------------------- adding

    def _add(
        self,
        kind: EdgeKind,
        source: Node,
        target: Node,
        basis: Basis,
        flow: str = "",
        how: Transformation = read.UNKNOWN,
    ) -> None:
        key = (kind, source, target, flow, how)
        present = self.bases.get(key)
        if present is None or basis < present:
            self.bases[key] = basis

    def _read(self, source: Node, basis: Basis, flow: str) -> None:
        self._origin(source)
        if self.owner.kind is Kind.JOB:
            self._add(EdgeKind.READ, source, self.owner, basis, flow)

    def _wrote(self, target: Node, basis: Basis, flow: str) -> None:
        if self.owner.kind is Kind.JOB:
            self._add(EdgeKind.WROTE, self.owner, target, basis, flow)

    def _wrote_by(self, other: Node | None, target: Node) -> None:
        """Another job had a part in it. What that one read isn't known here, so the edge serves it as a whole."""
        writer = other or self._own_job()
        if writer is None:
            self._say(target, "it is said to come from the event's own job, but the event has none")
            return
        if writer == self.owner:
            self._wrote(target, Basis.EXPLICIT, target.id)
            return
        self.jobs.add(writer)
        self._add(EdgeKind.WROTE, writer, target, Basis.EXPLICIT)

    def _derive(self, source: Node, column: str, target: Node, into: str, how: Transformation, basis: Basis) -> None:
        self._origin(source)
        before = len(self.bases)
        from_field = field_node(source.namespace, source.name, column)
        self._add(EdgeKind.DERIVED, from_field, field_node(target.namespace, target.name, into), basis, "", how)
        self.derived += len(self.bases) - before

    def _origin(self, node: Node) -> None:
        if node not in self.inputs and node not in self.outputs:
            self.origins.add(node)

    def _say(self, node: Node, reason: str) -> None:
        self.reasons.add((node.id, reason))

    # ------------------------------------------------------------------------------------------------------- results

    def _edges(self) -> Iterator[Edge]:
        for (kind, source, target, flow, how), basis in self.bases.items():
            yield Edge(kind, source, target, basis, how, flow)

    def _extra(self) -> tuple[Described, ...]:
        """Nodes beyond inputs, outputs and owner. An origin may be the alias of a CTE: unknown until it is used.

        But not those of a dataset at rest: what a view's `lineage` facet names are the datasets that it is made of.
        """
        known = self.jobs | self.targets | self.stated_sources
        named = [describe(node) for node in sorted(known - {self.owner})]
        return (*named, *(describe(node, known=False) for node in sorted(self.origins - known)))

    def _not_linked(self) -> tuple[NotLinked, ...]:
        for node in self.no_tables:
            self._say(node, "columnLineage names it as an origin, but in the SQL it is a CTE, an alias or a function")
        for node in self.origins - self.targets - self.stated_sources - self.no_tables:
            self._say(
                node,
                "it is named only as the origin of columns: its edges wait until something reads or writes it by name",
            )
        return tuple(NotLinked(node, reason) for node, reason in sorted(self.reasons))


def _names(columns: Sequence[str]) -> str:
    """
    >>> _names(["a", "b"])
    'a, b'
    """
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return ", ".join(column[:100] for column in columns[:NAMED]) + more
