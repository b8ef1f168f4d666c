"""The namespace that dbt's tables have: no artifact holds a host, so it comes from the connection in profiles.yml.

Source of the forms: `extract_namespace` of openlineage-integration-common 1.54, so that dbt-ol gives the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ingest.dbt.artifacts import mapping, text
from ingest.errors import Refused, fault

# By adapter; `{port}` stands for the adapter's default where a profile has none.
FORMS = {
    "postgres": "postgres://{host}:{port}",
    "redshift": "redshift://{host}:{port}",
    "snowflake": "snowflake://{account}",
    "bigquery": "bigquery",
    "databricks": "databricks://{host}",
    "sqlserver": "mssql://{server}:{port}",
    "trino": "trino://{host}:{port}",
    "athena": "awsathena://athena.{region_name}.amazonaws.com",
    "dremio": "dremio://{software_host}:{port}",
    "duckdb": "duckdb://{path}",
    "spark": "spark://{host}:{port}",
    "clickhouse": "clickhouse://{host}:{port}",
}
PORTS = {"postgres": 5432, "redshift": 5439, "sqlserver": 1433, "trino": 8080, "dremio": 9047, "clickhouse": 8123}
SPARK_PORTS = {"http": 443, "odbc": 443, "thrift": 10001}
PROFILES, PROJECT = "profiles.yml", "dbt_project.yml"
_ENV_VAR = re.compile(
    r"""\{\{\s*env_var\(\s*(['"])(?P<name>.*?)\1\s*(?:,\s*(['"])(?P<default>.*?)\3\s*)?\)\s*(?:\|\s*\w+\s*)*\}\}"""
)


class NoNamespace(Refused):
    """Nothing tells which server the tables are on."""

    def __init__(self, reason: str) -> None:
        give = "give a namespace (--namespace), as in postgres://db.example.com:5432"
        super().__init__(422, f"{reason}; {give}", [fault("/query/namespace", "is missing, and nothing else tells it")])


def namespace_without_connection(adapter: str) -> str:
    """The namespace of an adapter whose tables are named without any server. Raises NoNamespace for others."""
    form = FORMS.get(adapter, "{host}")
    if "{" in form:
        raise NoNamespace(f"the manifest says {adapter or 'no adapter'}, and on which server it doesn't")
    return form


def namespace_of(target: Path, adapter: str, wanted: str = "", environment: Mapping[str, str] = os.environ) -> str:
    """The namespace of a project's tables.

    target: the target folder, below the project's. adapter: by the manifest. wanted: the name of dbt's target, if the
    run's arguments tell it. Raises NoNamespace, saying what was looked for.
    """
    if "{" not in FORMS.get(adapter, "{"):
        return FORMS[adapter]
    if adapter not in FORMS:
        raise NoNamespace(f"how tables of the adapter {adapter!r} are named isn't known")
    project = target.resolve().parent
    path = _profiles(project, environment)
    named = text(_yaml(project / PROJECT).get("profile")) if (project / PROJECT).is_file() else ""
    output = _output(path, named, adapter, wanted, environment)
    return _filled(adapter, {key: _rendered(value, environment) for key, value in output.items()}, path)


def _profiles(project: Path, environment: Mapping[str, str]) -> Path:
    given = environment.get("DBT_PROFILES_DIR")
    folders = [Path(given)] if given else [project, Path.home() / ".dbt"]
    for folder in folders:
        if (folder / PROFILES).is_file():
            return folder / PROFILES
    raise NoNamespace(f"no {PROFILES} in {' or '.join(str(folder) for folder in folders)}")


def _yaml(path: Path) -> Mapping[str, Any]:
    try:
        return mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise NoNamespace(f"{path} can't be read: {str(error)[:200]}") from None


def _output(path: Path, named: str, adapter: str, wanted: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
    """The connection that was used: the run's target, else the profile's own, else the only one of that adapter."""
    profiles = {name: mapping(stated) for name, stated in _yaml(path).items() if name != "config"}
    only = next(iter(profiles)) if len(profiles) == 1 else ""
    profile = profiles.get(named or only)
    if profile is None:
        raise NoNamespace(f"{path} has no profile {named!r}" if named else f"{path} has several profiles")
    fitting = {
        name: mapping(output) for name, output in mapping(profile.get("outputs")).items() if _type(output) == adapter
    }
    target = wanted or environment.get("DBT_TARGET") or _rendered(profile.get("target"), environment)
    if target in fitting:
        return fitting[target]
    if len(fitting) != 1:
        raise NoNamespace(f"{path} has {len(fitting)} outputs of type {adapter!r}, the manifest's adapter")
    return next(iter(fitting.values()))


def _type(output: Any) -> str:
    return text(mapping(output).get("type")).lower()


def _filled(adapter: str, output: Mapping[str, str], path: Path) -> str:
    values = dict(output)
    port = SPARK_PORTS.get(values.get("method", "")) if adapter == "spark" else PORTS.get(adapter)
    if port is not None:
        values.setdefault("port", str(port))
    form = FORMS[adapter]
    missing = [key for key in re.findall(r"\{(\w+)\}", form) if not values.get(key)]
    if missing:
        raise NoNamespace(f"the output in {path} has no {' and no '.join(missing)}")
    return form.format_map(values)


def _rendered(value: Any, environment: Mapping[str, str]) -> str:
    """A value of profiles.yml as text: dbt's env_var() filled in, other templates of Jinja not.

    >>> _rendered("{{ env_var('PGHOST', 'localhost') }}", {})
    'localhost'
    """

    def found(match: re.Match[str]) -> str:
        return environment.get(match["name"]) or match["default"] or ""

    shown = "" if value is None else str(value)
    rendered = _ENV_VAR.sub(found, shown)
    return "" if "{{" in rendered or "{%" in rendered else rendered
