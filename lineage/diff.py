"""What came, went and changed between two states of the catalog: pure, of values only.

A state is rows by section and key. A key is a tuple of texts; a value is what can change while the key stays:

- nodes: (id) to {description, parent, logic}
- edges: (source id, target id, kind) to {transformations, basis, origin}
- fields: (dataset id, column) to {type}
- tags: (node id, column or "", key) to {values: [[value, source], …]}
- owners: (node id, name) to {types}
- statistics: (dataset id, role, facet) to {content}; only of what a run showed

Parallel edges (of several jobs, flows, origins) are one row, so one that closes while another opens is no change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SECTIONS: dict[str, tuple[str, ...]] = {
    "nodes": ("id",),
    "edges": ("source", "target", "kind"),
    "fields": ("dataset", "field"),
    "tags": ("node", "field", "key"),
    "owners": ("node", "name"),
    "statistics": ("dataset", "role", "facet"),
}

OF_TIMES = ("nodes", "edges", "fields", "tags", "owners")
OF_RUNS = (*OF_TIMES, "statistics")

Key = tuple[str, ...]
Value = Mapping[str, Any]
Rows = Mapping[str, Mapping[Key, Value]]  # section to key to value; a section that is missing is empty
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Diff:
    """What turns one state into another. changed: the value before and the value after."""

    added: Mapping[str, Mapping[Key, Value]]
    removed: Mapping[str, Mapping[Key, Value]]
    changed: Mapping[str, Mapping[Key, tuple[Value, Value]]]

    def inverse(self) -> Diff:
        """What turns the other state into the one."""
        turned = {
            section: {key: (after, before) for key, (before, after) in rows.items()}
            for section, rows in self.changed.items()
        }
        return Diff(self.removed, self.added, turned)


def diff(one: Rows, other: Rows) -> Diff:
    """What differs, by section. Cost: both states once."""
    added, removed, changed = {}, {}, {}
    for section in SECTIONS:
        before, after = one.get(section, {}), other.get(section, {})
        added[section] = {key: value for key, value in after.items() if key not in before}
        removed[section] = {key: value for key, value in before.items() if key not in after}
        changed[section] = {
            key: (before[key], value) for key, value in after.items() if key in before and before[key] != value
        }
    return Diff(added, removed, changed)


def apply(change: Diff, state: Rows) -> dict[str, dict[Key, Value]]:
    """The state after the change. Raises ValueError if the change was not made from such a state."""
    result: dict[str, dict[Key, Value]] = {}
    for section in SECTIONS:
        rows = dict(state.get(section, {}))
        for key, value in change.removed[section].items():
            _require(rows.pop(key, None) == value, section, key)
        for key, (before, after) in change.changed[section].items():
            _require(rows.get(key) == before, section, key)
            rows[key] = after
        for key, value in change.added[section].items():
            _require(key not in rows, section, key)
            rows[key] = value
        result[section] = rows
    return result


def _require(fits: bool, section: str, key: Key) -> None:
    if not fits:
        raise ValueError(f"the change of {section} {key} doesn't fit this state; apply it to the one it was made from")


def document(change: Diff, limit: int, sections: Sequence[str] = OF_TIMES) -> Row:
    """As it goes over the wire: {added, removed, changed, totals, truncated}, sorted; lists of at most `limit` rows."""
    parts = {"added": change.added, "removed": change.removed, "changed": change.changed}
    rows: Row = {name: {s: _listed(s, part[s], limit) for s in sections} for name, part in parts.items()}
    totals = {name: {s: len(part[s]) for s in sections} for name, part in parts.items()}
    longest = max(count for counts in totals.values() for count in counts.values())
    return {**rows, "totals": totals, "truncated": longest > limit}


def _listed(section: str, rows: Mapping[Key, Any], limit: int) -> list[Row]:
    return [_row(section, key, rows[key]) for key in sorted(rows)[:limit]]


def _row(section: str, key: Key, value: Any) -> Row:
    named = dict(zip(SECTIONS[section], key, strict=True))
    if not isinstance(value, tuple):
        return {**named, **value}
    before, after = value
    differing = [name for name in after if before.get(name) != after[name]]
    return {**named, "before": {n: before.get(n) for n in differing}, "after": {n: after[n] for n in differing}}
