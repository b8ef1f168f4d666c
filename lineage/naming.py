"""The one function that makes a dataset's name canonical, by the rules in naming.toml.

Names that mean one thing meet; names that might mean two never do (docs/naming.md). Nothing here knows what exists:
a name is judged by its text alone, so the answer is the same for every order of events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from lineage.naming_paths import fold_partitions, tidy
from lineage.naming_places import Draft, placed, without_password, written
from lineage.naming_rules import load
from lineage.naming_tables import bigquery, identifiers, pubsub, without_quotes
from lineage.naming_uris import split

MEMO = 131_072  # names; at 250 bytes of text and what Python adds, some 60 MB when full
MEMO_CHARS = 512  # a longer name is worked out each time: the memo is bounded in bytes, too
ROUNDS = 6  # one rule may make room for another; no example needs more than three


@dataclass(frozen=True, slots=True)
class Canonical:
    """A canonical name. rules: ids of those that changed something; folded: partitions folded away, as written."""

    namespace: str
    name: str
    rules: tuple[str, ...] = ()
    folded: str = ""


def canonical(namespace: str, name: str) -> Canonical:
    """The canonical name of a dataset. Never raises; canonical of canonical is itself.

    A name that is canonical comes back as it is, with no rules. Cost: linear in its text, once; then one look-up.

    >>> canonical("postgres://DB", "shop.public.orders").rules
    ('host-case', 'default-port')
    >>> canonical("s3a://lake", "orders/dt=2026-05-01/part-0.parquet").folded
    'dt=2026-05-01/part-0.parquet'
    """
    if len(namespace) + len(name) > MEMO_CHARS:
        return _worked_out(namespace, name)
    return _remembered(namespace, name)


def canonical_uri(uri: str) -> Canonical | None:
    """The dataset that an Airflow asset URI means, or None if it means none: no URI, or not the parts of a full name.

    As Airflow's providers translate them: `postgres://host:port/database/schema/table`, `s3://bucket/key`.

    >>> canonical_uri("mysql://db/shop/orders")
    Canonical(namespace='mysql://db:3306', name='shop.orders', rules=('default-port',), folded='')
    """
    pair = split(uri.strip())
    return canonical(*pair) if pair and all(pair) else None


def _worked_out(namespace: str, name: str) -> Canonical:
    now, rules, folded = (namespace, name), list[str](), list[str]()
    for _ in range(ROUNDS):
        done = _once(*now)
        if (done.namespace, done.name) == now:
            return Canonical(*now, tuple(dict.fromkeys(rules)), "/".join(reversed(folded)))
        now = (done.namespace, done.name)
        rules += done.rules
        folded += [done.folded] if done.folded else []
    return Canonical(namespace, name)  # rules that chase each other: such a name is left alone


_remembered = lru_cache(MEMO)(_worked_out)


def _once(namespace: str, name: str) -> Canonical:
    draft = placed(namespace)
    if draft is None:
        bare = without_password(namespace)
        return Canonical(bare, name, ("credentials",) if bare != namespace else ())
    draft.name = name
    for step in _STEPS[draft.scheme.holds]:
        step(draft)
    return Canonical(written(draft), draft.name, tuple(draft.rules), draft.folded)


def _into_name(draft: Draft) -> None:
    """The path of the namespace goes where it belongs: before the name, or away if the name has it already."""
    scheme = draft.scheme
    if not draft.path and not (scheme.authority == "none" and draft.authority):
        return
    above = [*([draft.authority] if scheme.authority == "none" and draft.authority else []), *_segments(draft.path)]
    parts = identifiers(draft.name, scheme.quotes)
    if parts is None or not draft.name:
        return
    if len(parts) == scheme.parts and [*map(scheme.folded, parts[: len(above)])] == [*map(scheme.folded, above)]:
        name = draft.name
    elif len(parts) + len(above) == scheme.parts and not any("." in part for part in above):
        name = ".".join([*above, draft.name])
    elif len(above) == scheme.parts and above[-len(parts) :] == parts:  # the whole name, and its end once more
        name = ".".join(above)
    else:
        return
    draft.set("namespace-path", path="", name=name, authority="" if scheme.authority == "none" else draft.authority)


def _segments(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _sqlserver(draft: Draft) -> None:
    becomes = draft.scheme.becomes
    if not becomes or draft.authority.partition(":")[0].endswith(becomes["unless"]):
        return
    parts = identifiers(draft.name, draft.scheme.quotes) or []
    if len(parts) + len(_segments(draft.path)) == becomes["parts"]:
        draft.scheme = load().schemes[becomes["scheme"]]
        draft.note("sqlserver")


def _bigquery(draft: Draft) -> None:
    if draft.scheme.name == "bigquery":
        name, folded = bigquery(draft.name)
        draft.set("bigquery", name=name, folded=folded)


def _identifiers(draft: Draft) -> None:
    for rule, name in without_quotes(draft.scheme, draft.name):
        draft.set(rule, name=name)


def _lower_if_so(draft: Draft) -> None:
    draft.set("case", name=draft.scheme.folded(draft.name))


def _pubsub(draft: Draft) -> None:
    if draft.scheme.name == "pubsub":
        name = pubsub("/".join(part for part in (draft.authority, draft.path, draft.name) if part))
        if name:
            draft.set("pubsub", authority="", path="", name=name)


def _name_uri(draft: Draft) -> None:
    """`s3a://lake/orders` as a name in `s3://lake` is `orders`; in another bucket it is left."""
    inner = placed(draft.name) if ":/" in draft.name else None
    if inner is None or inner.scheme is not draft.scheme or not inner.path.strip("/"):
        return
    if inner.authority == draft.authority and f"{inner.path}/".startswith(f"{draft.path}/" if draft.path else ""):
        draft.set("name-uri", path="", name=draft.scheme.root + inner.path.lstrip("/"))


def _path_into_name(draft: Draft) -> None:
    """A name without a slash below a path is a table of a warehouse, as Spark's symlinks say it: left there."""
    path = draft.path.strip("/")
    if not path or "/" not in draft.name.strip("/"):
        return
    if draft.scheme.root and draft.name.startswith(f"/{path}/"):  # from the root already
        draft.set("namespace-path", path="")
    else:
        draft.set("namespace-path", path="", name=f"{draft.scheme.root}{path}/{draft.name.lstrip('/')}")


def _path(draft: Draft) -> None:
    for rule, name in tidy(draft.scheme, draft.name, anchored=bool(draft.authority)):
        draft.set(rule, name=name)
    name, folded = fold_partitions(draft.name, load().endings)
    draft.set("partition", name=name, folded=folded)


_STEPS: dict[str, tuple[Callable[[Draft], None], ...]] = {
    "tables": (_sqlserver, _into_name, _bigquery, _identifiers),
    "paths": (_name_uri, _path_into_name, _path),
    "files": (_identifiers,),
    "other": (_pubsub, _lower_if_so),
}
