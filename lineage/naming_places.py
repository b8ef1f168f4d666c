"""Namespaces: which scheme, who answers, what path; and the rules that look at nothing else.

There are few namespaces and many names in each, so what is found of a namespace is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from lineage.naming_authority import account, hosts
from lineage.naming_rules import Scheme, load
from lineage.naming_uris import URI

MEMO = 8_192  # namespaces
MEMO_CHARS = 512  # a longer one is worked out each time

_DATABASE = re.compile(r";\s*database(?:name)?=([^;/]+)", re.IGNORECASE)
_GLUE = re.compile(r"aws[a-z\-]*:glue:.+")
_BARE = ("file", "bigquery", "pubsub")  # namespaces that are a scheme and nothing else


@dataclass(slots=True)
class Draft:
    """A name on its way through the rules. authority: behind `//`; path: behind that, no slash in front."""

    scheme: Scheme
    authority: str
    path: str
    name: str = ""
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


def placed(namespace: str) -> Draft | None:
    """The namespace in its canonical parts, a draft of its own for the caller to go on with.

    None if its scheme is unknown or the text isn't made as the scheme's are.
    """
    known = _worked_out(namespace) if len(namespace) > MEMO_CHARS else _remembered(namespace)
    return known and Draft(known.scheme, known.authority, known.path, rules=known.rules.copy())


def without_password(namespace: str) -> str:
    """The namespace without the `user:password@` that may stand before its host.

    >>> without_password("vendor://me:secret@feed")
    'vendor://feed'
    """
    scheme, colon, rest = namespace.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    return f"{scheme}{colon}{host}{slash}{path}" if at and ":" in user else namespace


def _worked_out(namespace: str) -> Draft | None:
    draft = _draft(namespace)
    if draft is not None:
        for step in _STEPS[draft.scheme.holds]:
            step(draft)
    return draft


_remembered = lru_cache(MEMO)(_worked_out)


def _draft(namespace: str) -> Draft | None:
    if namespace.lower() in _BARE:
        return Draft(load().schemes[namespace.lower()], "", "", rules=[] if namespace in _BARE else ["scheme"])
    found = URI.fullmatch(namespace[5:] if namespace[:5].lower() == "jdbc:" else namespace)
    scheme = load().schemes.get(found[1].lower().partition("+")[0]) if found else None
    if not found or not scheme or not _made_as(scheme, found[2]):
        return None
    draft = Draft(scheme, *_authority_and_path(scheme, found[2]))
    if not namespace.startswith(f"{scheme.name}:"):
        draft.note("scheme")
    if written(draft) != f"{scheme.name}:{found[2]}":
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


def written(draft: Draft) -> str:
    """The namespace that a draft stands for now."""
    scheme = draft.scheme
    if scheme.name == "arn" or scheme.holds == "files":
        return f"{scheme.name}:{draft.path}"
    path = draft.path.strip("/") if scheme.name in _BARE else draft.path
    tail = f"/{path}" if path else ""
    if scheme.name in _BARE and not draft.authority:
        return f"{scheme.name}:{tail}" if tail else scheme.name
    return f"{scheme.name}://{draft.authority}{tail}"


def _parameters(draft: Draft) -> None:
    """Behind `?`; in addresses of SQL Server behind `;`, where the database may stand."""
    if ";" in draft.authority and "[]" in draft.scheme.quotes:
        database = _DATABASE.search(draft.authority)
        path = draft.path or (database[1] if database else "")
        draft.set("parameters", authority=draft.authority.partition(";")[0], path=path)
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


def _database_file(draft: Draft) -> None:
    """`duckdb:/x` is `duckdb:///x`."""
    if draft.path.startswith("/") and not draft.path.startswith("//"):
        draft.set("namespace-slash", path=f"//{draft.path}")
    if draft.path.strip("/"):
        draft.set("namespace-slash", path=draft.path.rstrip("/"))


def _local(draft: Draft) -> None:
    if draft.scheme.name == "file" and draft.authority == "localhost":
        draft.set("file", authority="")


_STEPS: dict[str, tuple[Callable[[Draft], None], ...]] = {
    "tables": (_parameters, _namespace_slashes, _credentials, _authority),
    "paths": (_namespace_slashes, _credentials, _authority, _local),
    "files": (_parameters, _database_file),
    "other": (_namespace_slashes, _credentials, _authority),
}
