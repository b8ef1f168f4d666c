"""dbt's artifacts as they lie in its target folder: JSON, of some version, each of one kind.

Source: schemas.getdbt.com/dbt. A manifest is read from v9 (dbt 1.5) on; a later one than is known is read as far as it
is known. dbt Fusion writes the same members, some of them null or left out, so every member may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ingest.errors import Refused, fault, pointer

MANIFEST, CATALOG, RUN_RESULTS, SOURCES = "manifest", "catalog", "run_results", "sources"
FILES = (MANIFEST, RUN_RESULTS, CATALOG, SOURCES)
OLDEST_MANIFEST = 9
NEWEST = {MANIFEST: 12, CATALOG: 1, RUN_RESULTS: 6, SOURCES: 3}
# What each must hold, and as what.
MEMBERS: Mapping[str, Mapping[str, type]] = {
    MANIFEST: {"nodes": dict, "sources": dict},
    CATALOG: {"nodes": dict},
    RUN_RESULTS: {"results": list},
    SOURCES: {"results": list},
}
_VERSION = re.compile(r"/(manifest|catalog|run-results|sources)/v(\d{1,6})\.json$")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Of one project. An artifact that wasn't given is empty. warnings: what of them isn't read, and why."""

    manifest: Mapping[str, Any]
    run_results: Mapping[str, Any]
    catalog: Mapping[str, Any]
    sources: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def metadata(self) -> Mapping[str, Any]:
        return mapping(self.manifest.get("metadata"))

    @property
    def adapter(self) -> str:
        """`postgres`, `snowflake`, …; "" where the manifest doesn't say."""
        return text(self.metadata.get("adapter_type")).lower()

    @property
    def project(self) -> str:
        """The project's name; before manifest v9's metadata had one, the package that most nodes are of."""
        named = text(self.metadata.get("project_name"))
        if named:
            return named
        packages = [text(mapping(node).get("package_name")) for node in self.manifest["nodes"].values()]
        return max(sorted(set(packages)), key=packages.count, default="")

    @property
    def dbt_version(self) -> str:
        return text(self.metadata.get("dbt_version"))


def read(files: Mapping[str, bytes]) -> Artifacts:
    """The artifacts in `files`, by the names in FILES.

    Raises Refused: 422 without a manifest, for a file of another kind, a manifest older than v9 or members that are
    missing; 400 for what isn't JSON, such as a file that was cut off.
    """
    if MANIFEST not in files:
        raise _wrong("manifest is missing; send manifest.json of dbt's target folder", "/manifest", "is missing")
    warnings: list[str] = []
    found = {kind: _artifact(kind, files[kind], warnings) if kind in files else {} for kind in FILES}
    return Artifacts(found[MANIFEST], found[RUN_RESULTS], found[CATALOG], found[SOURCES], tuple(warnings))


def _artifact(kind: str, body: bytes, warnings: list[str]) -> Mapping[str, Any]:
    try:
        value = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        reason = f"{kind}.json is no JSON ({error}; {len(body):,} bytes): was it cut off? Send all of it"
        raise Refused(400, reason, [fault(f"/{kind}", str(error))]) from None
    if type(value) is not dict:
        raise _wrong(f"{kind}.json is no JSON object; send the file as dbt wrote it", f"/{kind}", "is no object")
    _judge_version(kind, mapping(value.get("metadata")), warnings)
    for member, form in MEMBERS[kind].items():
        if type(value.get(member)) is not form:
            raise _wrong(
                f"{kind}.json has no {member!r}; send the file as dbt wrote it", pointer(kind, member), "is missing"
            )
    return value


def _judge_version(kind: str, metadata: Mapping[str, Any], warnings: list[str]) -> None:
    schema = text(metadata.get("dbt_schema_version"))
    where = pointer(kind, "metadata", "dbt_schema_version")
    match = _VERSION.search(schema)
    if match is None:
        raise _wrong(f"{kind}.json doesn't say which schema it has; send the file as dbt wrote it", where, "is missing")
    if match[1].replace("-", "_") != kind:
        raise _wrong(
            f"the {kind} is a {match[1]} by its own word; send {kind}.json there", where, f"is of a {match[1]}"
        )
    version = int(match[2])
    if kind == MANIFEST and version < OLDEST_MANIFEST:
        reason = f"is v{version}; v{OLDEST_MANIFEST}, of dbt 1.5, is the oldest that is read"
        raise _wrong(f"the manifest {reason}; run `dbt parse` with a newer dbt", where, reason)
    if version > NEWEST[kind]:
        warnings.append(f"{kind}.json is v{version}, later than v{NEWEST[kind]}: what is new in it isn't read")


def _wrong(detail: str, where: str, reason: str) -> Refused:
    return Refused(422, detail, [fault(where, reason)])


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if type(value) is dict else {}


def listing(value: Any) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if type(value) is list else []


def text(value: Any) -> str:
    """The value if it is a text, else ""."""
    return value if type(value) is str else ""


def config(node: Mapping[str, Any], key: str) -> Any:
    """What a node's `config` says, or since dbt 1.10 no longer says, then the node itself."""
    said = mapping(node.get("config")).get(key)
    return node.get(key) if said is None else said
