"""The rules of names as data: what `naming.toml` says, read once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_REGULAR = re.compile(r"[^\W\d][\w$#@]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with an example (namespace, name) before and after it."""

    id: str
    says: str
    before: tuple[str, str]
    after: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Scheme:
    """What the names of one scheme are made of; the words are told at the head of naming.toml."""

    name: str
    authority: str
    holds: str
    why: str = ""
    aliases: tuple[str, ...] = ()
    port: int | None = None
    port_optional: bool = False
    parts: int = 0
    case: str = "keep"
    quotes: tuple[str, ...] = ()
    quoted: str = "kept"
    root: str = ""
    folders: bool = False
    set_of_hosts: bool = False
    becomes: dict[str, Any] | None = None
    endpoints: tuple[tuple[re.Pattern[str], str], ...] = ()

    def folded(self, identifier: str) -> str:
        """The identifier as the engine has it when nobody quotes it.

        One that can't stand without quotes had them, whoever dropped them: its case is meant.
        """
        if self.case == "keep" or (self.quoted == "kept" and not _REGULAR.fullmatch(identifier)):
            return identifier
        return identifier.upper() if self.case == "upper" else identifier.lower()


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule in the order of the file; every scheme by each of its spellings.

    endings: of files of data. environments: the environment that a word is a marker of.
    """

    rules: tuple[Rule, ...]
    schemes: dict[str, Scheme]
    endings: frozenset[str]
    environments: dict[str, str]


@cache
def load() -> Rules:
    """Reads naming.toml; a wrong file is a broken build, so whatever is wrong with it raises."""
    document = tomllib.loads(files("lineage").joinpath("naming.toml").read_text("utf-8"))
    rules = tuple(Rule(item["id"], item["says"], tuple(item["from"]), tuple(item["to"])) for item in document["rule"])
    schemes = [_scheme(name, said) for name, said in document["scheme"].items()]
    spellings = {spelling: scheme for scheme in schemes for spelling in (scheme.name, *scheme.aliases)}
    environments = {word: name for name, words in document["environments"].items() for word in words}
    return Rules(rules, spellings, frozenset(document["files"]["endings"]), environments)


def _scheme(name: str, said: dict[str, Any]) -> Scheme:
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    given["endpoints"] = tuple((re.compile(pattern), text) for pattern, text in said.get("endpoints", ()))
    return Scheme(name=name, **given)
