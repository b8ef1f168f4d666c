"""Which datasets may be one, with a score and reasons, for a person to decide. Nothing is joined by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from lineage.model import Node
from lineage.naming import canonical
from lineage.naming_rules import load
from lineage.naming_tables import identifiers

LEAST = 0.3  # below it a suggestion is noise: one equal last part of the name is not enough
APART = 0.5  # no more than that across environments, whatever else is equal
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Known:
    """A dataset and what is known of it; columns and owners may be empty: not known."""

    node: Node
    columns: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """That `node` is the dataset asked about. score: 0 to 1, at most 0.5 if `environments_differ`."""

    node: Node
    score: float
    reasons: tuple[str, ...]
    environments_differ: bool = False


@dataclass(frozen=True, slots=True)
class Features:
    """What is compared of a name: everything in lower case, parts from the outermost to the table or file."""

    namespace: str
    scheme: str
    host: str
    port: str
    parts: tuple[str, ...]
    environments: frozenset[str]


def suggest(one: Known, others: Iterable[Known], *, limit: int = 20) -> list[Suggestion]:
    """The likeliest of `others` to be `one`: at most `limit`, best first, equal scores by id.

    Names that are already canonically one are no suggestion. Cost: about 10 µs a candidate.
    """
    mine = _features(one.node.namespace, one.node.name)
    found = [suggestion for other in others if (suggestion := _judged(one, mine, other)) is not None]
    return sorted(found, key=lambda each: (-each.score, each.node.id))[:limit]


def _judged(one: Known, mine: Features, other: Known) -> Suggestion | None:
    theirs = _features(other.node.namespace, other.node.name)
    last_differs = mine.parts[-1:] != theirs.parts[-1:]
    if last_differs and not (one.columns and other.columns):
        return None
    if (mine.namespace, mine.parts) == (theirs.namespace, theirs.parts) and _same(one.node, other.node):
        return None
    weights, reasons = [], []
    for weight, reason in (*_by_name(mine, theirs), *_by_facts(one, other)):
        weights.append(weight)
        reasons.append(reason)
    score = _together(weights)
    apart = mine.environments != theirs.environments
    if apart:
        score = min(score, APART)
        reasons.append(f"environments differ: {_words(mine.environments)} and {_words(theirs.environments)}")
    return Suggestion(other.node, score, tuple(reasons), apart) if score >= LEAST else None


def _same(one: Node, other: Node) -> bool:
    first, second = canonical(one.namespace, one.name), canonical(other.namespace, other.name)
    return (first.namespace, first.name) == (second.namespace, second.name)


def _together(weights: list[float]) -> float:
    """As chances that don't know of each other: one that counts against takes its share away."""
    doubt, against = 1.0, 1.0
    for weight in weights:
        if weight >= 0:
            doubt *= 1 - weight
        else:
            against *= 1 + weight
    return round((1 - doubt) * against, 3)


def _by_name(mine: Features, theirs: Features) -> Iterator[tuple[float, str]]:
    equal = _equal_tail(mine.parts, theirs.parts)
    if equal:
        weight = (0.2, 0.4, 0.5)[min(equal, 3) - 1]
        whole = equal == len(mine.parts) == len(theirs.parts)
        text = ".".join(mine.parts[-equal:])
        yield weight + 0.1 * whole, f"same {'name' if whole else 'last parts of the name'}, but for case: {text}"
    yield from _by_place(mine, theirs)


def _by_place(mine: Features, theirs: Features) -> Iterator[tuple[float, str]]:
    if mine.namespace == theirs.namespace:
        yield 0.3, "same namespace"
    elif mine.scheme == theirs.scheme == "snowflake" and ("." in mine.host) != ("." in theirs.host):
        yield 0.3, "maybe the same account in another form: a locator and an organization's account"
    elif how := _same_host(mine.host, theirs.host):
        port = "" if mine.port == theirs.port else f", ports {mine.port or 'none'} and {theirs.port or 'none'}"
        scheme = "" if mine.scheme == theirs.scheme else f", as {mine.scheme} and as {theirs.scheme}"
        yield 0.3 - 0.05 * bool(port) - 0.05 * bool(scheme), f"{how}{port}{scheme}"


def _same_host(one: str, other: str) -> str:
    if not one or not other:
        return ""
    if one == other:
        return "same host"
    if one in _LOCAL and other in _LOCAL:
        return "same host, this machine"
    if one in _LOCAL or other in _LOCAL:
        return "maybe the same host: one of the names is localhost"
    short, long = sorted((one, other), key=len)
    return "same host, short and with its domain" if long.startswith(f"{short}.") else ""


def _by_facts(one: Known, other: Known) -> Iterator[tuple[float, str]]:
    if one.columns and other.columns:
        mine, theirs = ({column.lower() for column in known.columns} for known in (one, other))
        common, total = len(mine & theirs), len(mine | theirs)
        if common / total >= 0.5 and common > 2:
            yield 0.5 * common / total, f"{common} of {total} columns have the same name"
        elif common / total < 0.2:
            yield -0.5, f"only {common} of {total} columns have the same name"
    if both := one.owners & other.owners:
        yield 0.05, f"same owner: {', '.join(sorted(both)[:3])}"


def _equal_tail(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(reversed(one), reversed(other), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _words(environments: frozenset[str]) -> str:
    return ", ".join(sorted(environments)) or "none named"


@lru_cache(32_768)
def _features(namespace: str, name: str) -> Features:
    known = canonical(namespace, name)
    scheme, _, authority = known.namespace.lower().partition("://")
    scheme = scheme.partition(":")[0]
    authority, _, path = authority.partition("/")
    host, port = _host_and_port(authority.rpartition("@")[2])
    parts = _parts(scheme, known.name.lower())
    words = _WORD.findall(" ".join((authority, path, *parts[:-1])))
    markers = load().environments
    environments = frozenset(markers[word] for word in words if word in markers)
    return Features(known.namespace, scheme, host, port, parts, environments)


def _host_and_port(authority: str) -> tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    return (host, port) if colon and port.isdigit() else (authority, "")


def _parts(scheme: str, name: str) -> tuple[str, ...]:
    """The parts of a lower-case name: identifiers without quotes, or folders without the ending of a file."""
    rules = load()
    known = rules.schemes.get(scheme)
    if "/" not in name and (known is None or known.holds != "paths"):
        parts = identifiers(name, known.quotes if known else ()) or [name]
        return tuple(part.strip('"`[]') for part in parts)
    parts = [part for part in name.split("/") if part] or [name]
    stem, dot, ending = parts[-1].rpartition(".")
    if dot and stem and ending in rules.endings:
        parts[-1] = stem
    return tuple(part.removesuffix(".db") for part in parts)  # a database's folder in Hive's warehouse
