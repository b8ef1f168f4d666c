"""Facts as lines of text: what the data files under `expected/` and the hand-written cases are written in."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingest.openlineage.facts import Reader
from ingest.openlineage.parse import event_of
from lineage.facts import TERMINAL, Asserted, Facts, Ran
from lineage.model import Basis, Edge, EdgeKind, Node, Transformation, text_of

HERE = Path(__file__).parent
# Long after every recording: no event lies ahead of it.
RECEIVED_US = 2_000_000_000_000_000


def recordings() -> list[str]:
    return sorted(path.name.removesuffix(".ndjson.gz") for path in (HERE / "recordings").glob("*.ndjson.gz"))


def facts_of(recording: str, reader: Reader | None = None) -> Iterator[Facts]:
    """What each event of a recording asserts, in the order of the recording."""
    reader = reader or Reader()
    with gzip.open(HERE / "recordings" / f"{recording}.ndjson.gz") as lines:
        for line in lines:
            facts = reader.facts(event_of(line), RECEIVED_US)
            assert facts is not None
            yield facts


def edge_line(edge: Edge, basis: Basis | None = None) -> str:
    """`READ basis DATASET -> JOB for OUTPUT`, `WROTE basis JOB -> DATASET`, `DERIVED basis HOW FIELD -> FIELD`.

    HOW: `type/subtype[/masked]`; `-`: not said. READ without an output, WROTE `for all`: of the job as a whole.
    """
    words = [edge.kind.name, (edge.basis if basis is None else basis).word]
    if edge.kind is EdgeKind.DERIVED:
        words.append(how_word(edge.transformation))
    line = f"{' '.join(words)} {edge.source.id} -> {edge.target.id}"
    if edge.kind is EdgeKind.WROTE:
        assert edge.flow in ("", edge.target.id)
        return line if edge.flow else f"{line} for all"
    return f"{line} for {edge.flow}" if edge.flow else line


def how_word(how: Transformation) -> str:
    return f"{how.type or '-'}/{how.subtype or '-'}{'/masked' if how.masking else ''}"


def check_line(asserted: Asserted) -> str:
    verdict = {True: "pass", False: "FAIL", None: "not run"}[asserted.success]
    name = asserted.detail.get("name", "")
    return (
        f"{asserted.dataset.id} {asserted.column or '-'} {asserted.assertion} [{name}] {asserted.severity}: {verdict}"
    )


def story(every: Iterable[Facts]) -> str:
    """A recording as its final state: runs, nodes, edges with their strongest basis, checks, what was not linked."""
    runs: dict[str, list[tuple[int, Ran]]] = {}
    known: dict[Node, bool] = {}
    edges: dict[Edge, Basis] = {}
    checks: set[str] = set()
    not_linked: set[str] = set()
    for facts in every:
        if facts.run is not None:
            runs.setdefault(facts.run.run_id, []).append((facts.at_us, facts.run))
        for described in facts.described:
            known[described.node] = known.get(described.node, False) or described.known
        for edge in facts.edges.edges:
            bare = Edge(edge.kind, edge.source, edge.target, Basis.EXPLICIT, edge.transformation, edge.flow)
            edges[bare] = min(edge.basis, edges.get(bare, edge.basis))
        checks |= {check_line(asserted) for asserted in facts.asserted}
        not_linked |= {f"{one.dataset}: {one.reason}" for one in facts.not_linked}
    sections = {
        "runs": [_run_line(run_id, states) for run_id, states in runs.items()],
        "known": [node.id for node, is_known in known.items() if is_known],
        "only named as an origin": [node.id for node, is_known in known.items() if not is_known],
        "edges": [edge_line(edge, basis) for edge, basis in edges.items()],
        "checks": list(checks),
        "not linked": list(not_linked),
    }
    return "".join(
        f"[{title}]\n" + "".join(f"{line}\n" for line in sorted(lines)) + "\n" for title, lines in sections.items()
    )


def _run_line(run_id: str, states: list[tuple[int, Ran]]) -> str:
    """The run's last terminal state, or its last one if it never ended; ties by name, as nothing else is known."""
    ordered = sorted(states, key=lambda state: (state[0], state[1].event_type))
    ended = [ran for _, ran in ordered if ran.event_type in TERMINAL]
    first, last = ordered[0][1], (ended or [ran for _, ran in ordered])[-1]
    words = [f"{last.job.id} {last.event_type} {run_id}"]
    words += [f"nominal={text_of(ran.nominal_start_us)}" for ran in (first,) if ran.nominal_start_us is not None]
    words += [f"parent={ran.parent.job.name}/{ran.parent.run_id}" for ran in (first,) if ran.parent]
    words += [f"root={ran.root.job.name}" for ran in (first,) if ran.root]
    words += [f"sibling={sibling}" for sibling in sorted({ran.sibling for _, ran in ordered if ran.sibling})]
    words += ["incomplete"] if any(ran.incomplete for _, ran in ordered) else []
    words += [
        f"error={error.splitlines()[0][:60]!r}" for error in sorted({ran.error for _, ran in ordered if ran.error})
    ]
    return " ".join(words)
