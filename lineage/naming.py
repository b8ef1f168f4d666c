"""The one function that makes a dataset's name canonical, by the rules in naming.toml.

Names that mean one thing meet; names that might mean two never do (docs/naming.md). Nothing here knows what exists:
a name is judged by its text alone, so the answer is the same for every order of events.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from lineage.naming_authority import account, hosts
from lineage.naming_paths import fold_partitions, tidy
from lineage.naming_rules import Scheme, load
from lineage.naming_tables import bigquery, identifiers, pubsub, without_quotes
from lineage.naming_uris import URI, split

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


@dataclass(slots=True)
class Draft:
    """A name on its way through the rules. authority: behind `//`; path: behind that, no slash in front."""

    scheme: Scheme
    authority: str
    path: str
    name: str
    rules: list[str] = field(default_factory=list)
    folded: str = ""

    def set(self, rule: str, **changes: str) -> None:
        """Takes the values; notes the rule if one of them is another than before."""
        for key, value in changes.items():
            if getattr(self, key) != value:
                setattr(self, key, value)
                self.note(rule)

    def note(self, rule: str) -> None:
        if rule not in self.rules:
            self.rules.append(rule)


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

_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://)[^/@]*:[^/@]*@", re.DOTALL)
_GLUE = re.compile(r"aws[a-z\-]*:glue:.+")
_BARE = ("file", "bigquery", "pubsub")  # namespaces that are a scheme and nothing else


def _once(namespace: str, name: str) -> Canonical:
    draft = _draft(namespace, name)
    if draft is None:
        bare = _PASSWORD.sub(r"\1", namespace, count=1)
        return Canonical(bare, name, ("credentials",) if bare != namespace else ())
    for step in _STEPS[draft.scheme.holds]:
        step(draft)
    return Canonical(_written(draft), draft.name, tuple(draft.rules), draft.folded)


def _draft(namespace: str, name: str) -> Draft | None:
    """The namespace in its parts; None if its scheme is unknown or the text isn't made as the scheme's are."""
    if namespace.lower() in _BARE:
        return Draft(load().schemes[namespace.lower()], "", "", name, [] if namespace in _BARE else ["scheme"])
    found = URI.fullmatch(namespace[5:] if namespace[:5].lower() == "jdbc:" else namespace)
    scheme = load().schemes.get(found[1].lower().partition("+")[0]) if found else None
    if not found or not scheme or not _made_as(scheme, found[2]):
        return None
    draft = Draft(scheme, *_authority_and_path(scheme, found[2]), name)
    if not namespace.startswith(f"{scheme.name}:"):
        draft.note("scheme")
    if _written(draft) != f"{scheme.name}:{found[2]}":
        draft.note("file" if scheme.name == "file" else "namespace-slash")
    return draft


def _made_as(scheme: Scheme, rest: str) -> bool:
    if scheme.name == "arn":
        return _GLUE.fullmatch(rest) is not None
    return rest.startswith("//") or scheme.name in _BARE or scheme.holds == "files"


def _authority_and_path(scheme: Scheme, rest: str) -> tuple[str, str]:
    if scheme.name == "arn" or scheme.holds == "files" or not rest.startswith("//"):
        return "", rest
    authority, _, path = rest[2:].partition("/")
    return authority, path


def _written(draft: Draft) -> str:
    scheme = draft.scheme
    if scheme.name == "arn" or scheme.holds == "files":
        return f"{scheme.name}:{draft.path}"
    path = draft.path.strip("/") if scheme.name in _BARE else draft.path
    tail = f"/{path}" if path else ""
    if scheme.name in _BARE and not draft.authority:
        return f"{scheme.name}:{tail}" if tail else scheme.name
    return f"{scheme.name}://{draft.authority}{tail}"


# ---- steps ----


def _parameters(draft: Draft) -> None:
    for key in ("authority", "path"):
        draft.set("parameters", **{key: re.split(r"[?#]", getattr(draft, key), maxsplit=1)[0]})


def _namespace_slashes(draft: Draft) -> None:
    draft.set("namespace-slash", path="/".join(part for part in draft.path.split("/") if part))


def _credentials(draft: Draft) -> None:
    """All before the last `@`; a container stands there, too, but has no colon."""
    said, _, authority = draft.authority.rpartition("@")
    if draft.scheme.authority in ("hosts", "account") or ":" in said:
        draft.set("credentials", authority=authority)


def _authority(draft: Draft) -> None:
    scheme = draft.scheme
    if scheme.authority == "account":
        draft.set("account", authority=account(draft.authority))
    elif scheme.authority in ("hosts", "container"):
        for rule, authority in hosts(scheme, draft.authority):
            draft.set(rule, authority=authority)


def _into_name(draft: Draft) -> None:
    """The path of the namespace goes where it belongs: before the name, or away if the name has it already."""
    scheme = draft.scheme
    above = [*([draft.authority] if scheme.authority == "none" and draft.authority else []), *_segments(draft.path)]
    parts = identifiers(draft.name, scheme.quotes)
    if not above or parts is None or not draft.name:
        return
    if len(parts) == scheme.parts and [*map(scheme.folded, parts[: len(above)])] == [*map(scheme.folded, above)]:
        name = draft.name
    elif len(parts) + len(above) == scheme.parts and not any("." in part for part in above):
        name = ".".join([*above, draft.name])
    else:
        return
    draft.set("namespace-path", path="", name=name, authority="" if scheme.authority == "none" else draft.authority)


def _segments(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _sqlserver(draft: Draft) -> None:
    becomes = draft.scheme.becomes
    parts = identifiers(draft.name, draft.scheme.quotes)
    host = draft.authority.partition(":")[0]
    if not becomes or parts is None or host.endswith(becomes["unless"]):
        return
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


def _database_file(draft: Draft) -> None:
    """`duckdb:/x` is `duckdb:///x`."""
    if draft.path.startswith("/") and not draft.path.startswith("//"):
        draft.set("namespace-slash", path=f"//{draft.path}")
    if draft.path.strip("/"):
        draft.set("namespace-slash", path=draft.path.rstrip("/"))


def _local(draft: Draft) -> None:
    if draft.scheme.name == "file" and draft.authority == "localhost":
        draft.set("file", authority="")


def _name_uri(draft: Draft) -> None:
    """`s3a://lake/orders` as a name in `s3://lake` is `orders`; in another bucket it is left."""
    inner = _draft(draft.name, "") if ":/" in draft.name else None
    if inner is None or inner.scheme is not draft.scheme or not inner.path.strip("/"):
        return
    _credentials(inner)
    _authority(inner)
    _local(inner)
    if inner.authority == draft.authority and not draft.path:
        draft.set("name-uri", name=inner.path if draft.scheme.root == "" else f"/{inner.path.lstrip('/')}")


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
    for rule, name in tidy(draft.scheme, draft.name):
        draft.set(rule, name=name)
    name, folded = fold_partitions(draft.name, load().endings)
    draft.set("partition", name=name, folded=folded)


_STEPS: dict[str, tuple[Callable[[Draft], None], ...]] = {
    "tables": (
        _parameters, _namespace_slashes, _credentials, _authority, _sqlserver, _into_name, _bigquery, _identifiers,
    ),
    "paths": (_namespace_slashes, _credentials, _authority, _local, _name_uri, _path_into_name, _path),
    "files": (_parameters, _database_file, _identifiers),
    "other": (_namespace_slashes, _credentials, _authority, _pubsub, _lower_if_so),
}  # fmt: skip
