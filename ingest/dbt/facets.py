"""Facets of what dbt describes: OpenLineage's own where there is one, else `dbt_…`.

`dbt_node`, `dbt_model` and `dbt_exposures` are openlineage-dbt's, with its members; `dbt_resource`, `dbt_tests` and
what else begins with `dbt_` are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ingest.dbt.artifacts import config, listing, mapping, text
from ingest.dbt.project import Project, Stated, kind_of
from ingest.openlineage.parse import SCHEMA

PRODUCER = "urn:headwater:dbt"
SPEC = "https://openlineage.io/spec/facets"
VERSIONS = {
    "schema": "1-2-0/SchemaDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "ownership": "1-0-1/OwnershipDatasetFacet",
    "tags": "1-0-0/TagsDatasetFacet",
    "datasetType": "1-0-1/DatasetTypeDatasetFacet",
    "dataSource": "1-0-1/DatasourceDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "sql": "1-1-0/SQLJobFacet",
    "sourceCode": "1-0-1/SourceCodeJobFacet",
    "parent": "1-2-0/ParentRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
}
# What of a node stands in `dbt_resource`; what is null, empty or false there says nothing.
RESOURCE = (
    "unique_id", "resource_type", "package_name", "original_file_path", "fqn", "version", "latest_version",
    "deprecation_date", "constraints", "primary_key", "source_name", "source_description", "loader", "patch_path",
)  # fmt: skip
OF_CONFIG = (
    "materialized", "access", "unique_key", "incremental_strategy", "on_schema_change", "freshness", "event_time",
)  # fmt: skip
TYPES = {"view": "VIEW", "materialized_view": "VIEW", "dynamic_table": "TABLE", "external": "TABLE"}
# dbt-ol's words for where a tag came from.
TAG, META = "DBT", "DBT_META"

Facet = dict[str, Any]
Facets = dict[str, Facet]


def facet(key: str, **content: Any) -> Facet:
    schema = VERSIONS.get(key)
    url = f"{SPEC}/{schema}.json#/$defs/{schema.partition('/')[2]}" if schema else f"{SCHEMA}BaseFacet"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def of_job(key: str, **content: Any) -> Facet:
    """A facet that datasets and jobs both have, as a job has it."""
    made = facet(key, **content)
    made["_schemaURL"] = made["_schemaURL"].replace("DatasetFacet", "JobFacet")
    return made


# ------------------------------------------------------------------------------------------------------------- datasets


def dataset_facets(project: Project, uid: str, exposures: Iterable[Mapping[str, Any]] = ()) -> Facets:
    """All that is known of a table: columns, words, owners, tags, contract, tests.

    exposures: that are made of it. A seed or a model may be declared as a source, too: what each says is said of both,
    and where both speak, what makes the table wins.
    """
    every = [_facets_of(project, one, exposures) for one in project.same_table(uid)]
    found = {key: made for facets in reversed(every) for key, made in facets.items()}
    if schemas := [facets["schema"] for facets in every if "schema" in facets]:
        found["schema"] = max(schemas, key=lambda schema: len(orjson.dumps(schema)))  # the one with more words
    for key, member in (("tags", "tags"), ("dbt_tests", "tests")):
        entries = [entry for facets in every if key in facets for entry in facets[key][member]]
        if entries:
            found[key] = facet(key, **{member: [one for at, one in enumerate(entries) if one not in entries[:at]]})
    return found


def _facets_of(project: Project, uid: str, exposures: Iterable[Mapping[str, Any]]) -> Facets:
    node = project.nodes[uid]
    found = {
        **schema_facets(project, uid),
        "dataSource": facet("dataSource", name=project.names.namespace, uri=project.names.namespace),
        "datasetType": facet("datasetType", datasetType=_type_of(node)),
        "dbt_resource": facet("dbt_resource", **resource(project, node)),
    }
    if description := text(node.get("description")):
        found["documentation"] = facet("documentation", description=description)
    if owned := owners(project, node):
        found["ownership"] = facet("ownership", owners=owned)
    if marked := [*tags(node), *_tags_of_columns(project, uid)]:
        found["tags"] = facet("tags", tags=marked)
    if tested := project.tests.get(uid):
        found["dbt_tests"] = facet("dbt_tests", tests=[_test(one, project.nodes[one]) for one in tested])
    if used := [{"name": one["name"], "type": one["type"], "unique_id": one["unique_id"]} for one in exposures]:
        found["dbt_exposures"] = facet("dbt_exposures", exposures=used)
    return found


def schema_facets(project: Project, uid: str) -> Facets:
    """The columns; of the database if a catalog has them, else those that the project documents.

    `dbt_model` goes with them as dbt-ol has it, but not where the database was asked: it says that some may be missing.
    """
    node = project.nodes[uid]
    found: Facets = {}
    if fields := _fields(project, uid):
        found["schema"] = facet("schema", fields=fields)
    if kind_of(uid) == "model" and not (uid in project.catalog or _is_contracted(node)):
        found["dbt_model"] = facet("dbt_model", config={"materialized": text(config(node, "materialized"))})
    return found


def _is_contracted(node: Stated) -> bool:
    """Whether dbt itself checks that the table has these columns and no others."""
    contract = mapping(config(node, "contract"))
    return contract.get("enforced") is True


def _fields(project: Project, uid: str) -> list[Facet]:
    documented = {name.casefold(): mapping(column) for name, column in _columns(project.nodes[uid]).items()}
    asked = mapping(project.catalog.get(uid, {}).get("columns"))
    if not asked:
        own = ((name, mapping(column)) for name, column in _columns(project.nodes[uid]).items())
        return [_field(text(column.get("name")) or name, column) for name, column in own]
    columns = sorted(asked.items(), key=_place_of)
    return [_field(name, documented.get(name.casefold(), {}), mapping(column)) for name, column in columns]


def _place_of(entry: tuple[str, Any]) -> tuple[bool, int, str]:
    index = mapping(entry[1]).get("index")
    return (type(index) is not int, index if type(index) is int else 0, entry[0])


def _field(name: str, documented: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> Facet:
    found: Facet = {"name": name}
    kind = text((asked or {}).get("type")) or text(documented.get("data_type"))
    description = text(documented.get("description")) or text((asked or {}).get("comment"))
    if kind:
        found["type"] = kind
    if description:
        found["description"] = description
    return found


def _columns(node: Stated) -> dict[str, Any]:
    """Fusion writes columns as a list, dbt as an object by name."""
    stated = node.get("columns")
    if type(stated) is list:
        return {text(mapping(column).get("name")): column for column in stated if text(mapping(column).get("name"))}
    return {name: column for name, column in mapping(stated).items() if name}


def _type_of(node: Stated) -> str:
    return TYPES.get(text(config(node, "materialized")), "TABLE")


def _test(uid: str, node: Stated) -> Facet:
    found = {"unique_id": uid, "assertion": assertion_of(node), "severity": severity_of(node)}
    column = column_of(node)
    return {**found, "column": column} if column else found


# ------------------------------------------------------------------------------------------------------ owners and tags


def owners(project: Project, node: Stated) -> list[dict[str, str]]:
    """Who `meta.owner` names, as dbt-ol has it, the owner that an exposure names, and who owns the node's group."""
    found: dict[str, str] = {}
    stated = mapping(config(node, "meta")).get("owner")
    for name in stated if type(stated) is list else [stated]:
        if text(name):
            found.setdefault(text(name), "")
    for of, kind in ((mapping(node.get("owner")), ""), (mapping(project.group(node).get("owner")), "GROUP")):
        if name := _contact(of):
            found.setdefault(name, kind)
    return [{"name": name, "type": kind} if kind else {"name": name} for name, kind in found.items()]


def _contact(owner: Stated) -> str:
    """An address finds somebody, a name may not. Fusion and newer dbt allow several addresses."""
    email = owner.get("email")
    first = next((one for one in email if text(one)), "") if type(email) is list else text(email)
    return text(first) or text(owner.get("name"))


def tags(node: Stated) -> list[Facet]:
    """Tags and meta of a node, as dbt-ol writes them on its runs."""
    return _marks(node, None)


def _tags_of_columns(project: Project, uid: str) -> list[Facet]:
    """Spelt as the schema spells the column."""
    spelt = {entry["name"].casefold(): entry["name"] for entry in _fields(project, uid)}
    found: list[Facet] = []
    for name, column in _columns(project.nodes[uid]).items():
        found += _marks(mapping(column), spelt.get(name.casefold(), name))
    return found


def _marks(node: Stated, field: str | None) -> list[Facet]:
    of = {"field": field} if field else {}
    stated = config(node, "tags")
    names = [stated] if type(stated) is str else listing(stated)
    found = [{"key": tag, "value": "true", "source": TAG, **of} for tag in dict.fromkeys(map(text, names)) if tag]
    meta = mapping(config(node, "meta"))
    return found + [{"key": key, "value": _shown(value), "source": META, **of} for key, value in meta.items() if key]


def _shown(value: Any) -> str:
    """A value of meta as a tag has it.

    >>> _shown("crm"), _shown(True), _shown(730), _shown(["a"])
    ('crm', 'true', '730', '["a"]')
    """
    return value if type(value) is str else orjson.dumps(value).decode()


def resource(project: Project, node: Stated) -> Facet:
    """What OpenLineage has no facet for: group, access, contract, versions, deprecation."""
    found = {key: value for key in RESOURCE if (value := node.get(key)) not in (None, "", [], {}, False)}
    found |= {key: value for key in OF_CONFIG if (value := config(node, key)) not in (None, "", [], {}, False)}
    if _is_contracted(node):
        found["contract"] = {"enforced": True, "checksum": mapping(node.get("contract")).get("checksum")}
    if named := text(config(node, "group")):
        found["group"] = {"name": named, "owner": dict(mapping(project.group(node).get("owner")))}
    return found


# ----------------------------------------------------------------------------------------------------------------- jobs


def job_facets(project: Project, uid: str, kind: str) -> Facets:
    """kind: dbt-ol's word for the job, MODEL, SEED, …"""
    node = project.nodes[uid]
    found = {
        "jobType": facet("jobType", processingType="BATCH", integration="DBT", jobType=kind),
        "dbt_node": facet("dbt_node", **node_content(uid, node)),
        **_code(project, uid, node),
    }
    if owned := owners(project, node):
        found["ownership"] = of_job("ownership", owners=owned)
    if marked := tags(node):
        found["tags"] = of_job("tags", tags=marked)
    if description := text(node.get("description")):
        found["documentation"] = of_job("documentation", description=description)
    return found


def node_content(uid: str, node: Stated) -> dict[str, str]:
    keys = ("alias", "database", "schema", "original_file_path")
    return {"unique_id": uid} | {key: value for key in keys if (value := text(node.get(key)))}


def _code(project: Project, uid: str, node: Stated) -> Facets:
    """SQL as it ran, with its dialect: columns are read from it. What wasn't compiled is a template and no SQL."""
    code = text(node.get("compiled_code")) or project.compiled.get(uid, "")
    raw = text(node.get("raw_code"))
    if text(node.get("language")) == "python" and (code or raw):
        return {"sourceCode": facet("sourceCode", language="python", sourceCode=code or raw)}
    if code:
        return {"sql": facet("sql", query=code, dialect=project.artifacts.adapter)}
    return {"sourceCode": facet("sourceCode", language="jinja-sql", sourceCode=raw)} if raw else {}


# ---------------------------------------------------------------------------------------------------------------- tests


def assertion_of(node: Stated) -> str:
    """What dbt-ol calls a test: `unique`, `not_null`, …; a singular one by its own name."""
    return text(mapping(node.get("test_metadata")).get("name")) or text(node.get("name"))


def column_of(node: Stated) -> str:
    kwargs = mapping(mapping(node.get("test_metadata")).get("kwargs"))
    return text(node.get("column_name")) or text(kwargs.get("column_name"))


def severity_of(node: Stated) -> str:
    return (text(config(node, "severity")) or "error").lower()
