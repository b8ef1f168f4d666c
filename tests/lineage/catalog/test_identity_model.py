"""Names against a brute-force model: sets of (name, since), joined one by one, nothing kept between questions."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.database import open_engine, sqlite_url
from lineage.errors import UnknownNode
from lineage.facts import Facts
from lineage.ports import Filter
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from tests.lineage.catalog import namings as n

NAMES = ["a", "b", "c", "d"]
FIRST = -1
One = tuple[str, int]  # a name, and since when it means this: FIRST, or the time of a rename away


@dataclass
class Model:
    """What a set of facts means, worked out from the beginning for each question. Times are seconds."""

    events: Sequence[Facts]
    said: set[tuple[str, int]] = field(default_factory=set)  # known statements of a name
    renames: set[tuple[str, int, str]] = field(default_factory=set)
    drops: set[tuple[str, int]] = field(default_factory=set)
    joints: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    words: dict[frozenset[str], tuple[int, str, bytes, str, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for event in self.events:
            at = event.at_us // n.S
            if event.decision is None:
                self.said |= {(d.node.name, at) for d in event.described if d.known}
            self.drops |= {(one.node.name, at) for one in event.dropped}
            self.renames |= {(one.previous.name, at, one.node.name) for one in event.renamed}
            for one in event.joined:
                if one.node != one.alias:
                    self.joints.setdefault((one.node.name, one.alias.name, one.how, one.type), []).append(at)
            word = event.decision
            if word is not None and word.one != word.other:
                pair = frozenset((word.one.name, word.other.name))
                into = word.into
                came = (at, word.action, into.key if into else b"", word.author, into.name if into else None)
                self.words[pair] = max(self.words.get(pair, came), came, key=lambda one: one[:4])

    def stands(self) -> dict[str, dict[int, int]]:
        """Since when names mean what."""
        away = {name: sorted({at for old, at, new in self.renames if old == name != new}) for name in NAMES}
        return {name: dict.fromkeys([FIRST, *away[name]], 0) for name in NAMES}

    def at(self, name: str, at: int) -> One:
        return name, max(since for since in self.stands()[name] if since <= at or since == FIRST)

    def every(self) -> list[One]:
        return [(name, since) for name, times in self.stands().items() for since in times]

    def moves(self) -> list[tuple[int, One, One]]:
        """Renames that stand: of several at one time the one to the least key."""
        found = []
        for name, at in {(old, at) for old, at, new in self.renames if old != new}:
            new = min((new for old, t, new in self.renames if (old, t) == (name, at) and new != old), key=_key)
            found.append((at, self.at(name, at - 1), self.at(new, at)))
        return found

    def links(self) -> list[tuple[tuple[object, ...], str, One, One, int, One | None, str]]:
        """(order, how, one, other, time, into, type), strongest first."""
        found = []
        for pair, (at, action, _, _, into) in self.words.items():
            if action == "merge":
                one, other = (self.at(name, at) for name in pair)
                found.append((0, -at, "merge", one, other, at, self.at(into, at) if into else None, ""))
        found += [(1, -at, "rename", one, other, at, None, "") for at, one, other in self.moves()]
        for (one, other, how, type), times in self.joints.items():
            begun = [since for name in (one, other) for since in self.stands()[name]]
            for at in {*times, *(since for since in begun if min(times) < since <= max(times))}:
                strength = 2 if how == "symlink" else 3
                found.append((strength, 0, how, self.at(one, at), self.at(other, at), at, None, type))
        ordered = [((s, t, sorted((x, y)), ty), how, x, y, at, into, ty) for s, t, how, x, y, at, into, ty in found]
        return sorted(ordered, key=lambda link: link[0])

    def groups(self) -> tuple[list[set[One]], list[tuple[str, One, One, int, One | None, str]]]:
        """Sets of one thing each, and the links that made them so."""
        apart = {pair: at for pair, (at, action, *_) in self.words.items() if action == "split"}
        groups = [{one} for one in self.every()]
        used = []
        for _, how, one, other, at, into, type in self.links():
            mine, theirs = (next(group for group in groups if x in group) for x in (one, other))
            if mine is not theirs:
                pairs = [(x, y) for x, y in product(mine, theirs) if frozenset((x[0], y[0])) in apart]
                if any(max(x[1], y[1]) <= apart[frozenset((x[0], y[0]))] for x, y in pairs):
                    continue
                mine |= theirs
                groups.remove(theirs)
            used.append((how, one, other, at, into, type))
        return groups, used

    def known(self, one: One) -> bool:
        return any(self.at(name, at) == one for name, at in self.said)

    def representative(self, group: set[One]) -> One:
        links = [link for link in self.groups()[1] if link[1] in group]
        into = max(((at, into) for how, _, _, at, into, _ in links if into), default=None)
        moved = max(((at, other) for how, _, other, at, _, _ in links if how == "rename"), default=None)
        if into or moved:
            found = (into or moved)[1]  # type: ignore[index]
        else:
            named = {other for how, _, other, _, _, type in links if (how, type) == ("symlink", "TABLE")}
            found = min(group, key=lambda one: (not (one in named and self.known(one)), not self.known(one), one))
        onward = {one: other for how, one, other, *_ in links if how == "rename"}
        while found in onward:
            found = onward[found]
        return found

    def is_dropped(self, group: set[One]) -> bool:
        links = [link for link in self.groups()[1] if link[1] in group]
        stands = self.representative(group)
        last = None
        for name, at in sorted(self.drops, key=lambda drop: drop[1]):
            reached = {self.at(name, at)}
            for _ in group:
                for how, one, other, t, _, _ in links:
                    if (how != "rename" or t <= at) and {one, other} & reached:
                        reached |= {one, other}
            if stands in reached:
                last = at
        if last is None:
            return False
        renamed = any(how == "rename" and at >= last for how, _, _, at, _, _ in links)
        return not renamed and not any(self.at(name, at) in group and at > last for name, at in self.said)

    def listed(self) -> list[str]:
        groups = [group for group in self.groups()[0] if any(map(self.known, group))]
        return sorted(self.representative(group)[0] for group in groups if not self.is_dropped(group))

    def found(self, name: str) -> str | None:
        for since in sorted(self.stands()[name], reverse=True):
            group = next(group for group in self.groups()[0] if (name, since) in group)
            if any(map(self.known, group)):
                return None if self.is_dropped(group) else self.representative(group)[0]
        return None


def _key(name: str) -> bytes:
    return n.table(name).key


@st.composite
def an_event(draw: st.DrawFn) -> Facts:
    name, other = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
    at = draw(st.integers(1, 9))
    match draw(st.sampled_from(["mention", "join", "join", "rename", "rename", "drop", "merge", "split"])):
        case "mention":
            return n.mention(name, at)
        case "join":
            return n.joined(name, other, at, *draw(st.sampled_from([("symlink", "TABLE"), ("catalog", "")])))
        case "rename":
            return n.renamed(name, other, at)
        case "drop":
            return n.dropped(name, at)
        case "merge":
            return n.decided("merge", name, other, at, draw(st.sampled_from([None, name, other])))
        case _:
            return n.decided("split", name, other, at)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


def called(catalog: SqlCatalog, name: str) -> str | None:
    try:
        return catalog.find(n.table(name))[0].name
    except UnknownNode:
        return None


@given(events=st.lists(an_event(), min_size=1, max_size=10), seed=st.integers(0, 1_000), batch=st.integers(1, 10))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_mean_what_the_model_says(catalog: SqlCatalog, events: list[Facts], seed: int, batch: int) -> None:
    random.Random(seed).shuffle(events)
    n.apply(catalog, events, batch)
    model = Model(events)
    assert sorted(item["name"] for item in catalog.datasets(Filter()).items) == model.listed()
    assert {name: called(catalog, name) for name in NAMES} == {name: model.found(name) for name in NAMES}
