"""Every setting once: its name, its default, what it does.

Each is also HEADWATER_NAME in the environment and a line `name = value` in headwater.toml (or the file that
HEADWATER_CONFIG names). What is given in code or on the command line wins over the environment, that over the file.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from api.errors import BadSettings

PREFIX = "HEADWATER_"
CONFIG_VARIABLE = "HEADWATER_CONFIG"
CONFIG_FILE = "headwater.toml"
GRAPH_SCHEMES = ("neo4j://", "neo4j+s://", "neo4j+ssc://", "bolt://", "bolt+s://", "bolt+ssc://")
MIB = 1024 * 1024


def _graph(value: str) -> str:
    if value == "embedded" or value.startswith(GRAPH_SCHEMES):
        return value
    raise ValueError(
        f"graph is {value!r}; it is `embedded` or an address such as neo4j://host:7687 or bolt://host:7687"
    )


def _database(value: str | None) -> str | None:
    if value is None or value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        return value
    raise ValueError(
        "database_url starts with postgresql:// or sqlite:///; without it two SQLite files are made in `data`"
    )


class Settings(BaseSettings):
    """How one Headwater runs. Raises BadSettings, through `load`, if a value makes no sense."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data: Annotated[Path, Field(description="Folder for the databases and the admin key; made with mode 0700.")] = Path(
        "./headwater-data"
    )
    database_url: Annotated[
        str | None,
        AfterValidator(_database),
        Field(description="PostgreSQL address that holds journal and catalog; without it, two SQLite files in `data`."),
    ] = None
    graph: Annotated[
        str, AfterValidator(_graph), Field(description="`embedded`, or the address of a Neo4j: neo4j://… or bolt://…")
    ] = "embedded"
    graph_user: Annotated[str, Field(description="User of the Neo4j.")] = "neo4j"
    graph_password: Annotated[
        SecretStr | None, Field(description="Password of the Neo4j; without it no sign-in is tried.")
    ] = None
    graph_database: Annotated[str | None, Field(description="Database in the Neo4j; without it, its default one.")] = (
        None
    )

    host: Annotated[str, Field(description="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8000
    admin_key: Annotated[
        SecretStr | None,
        Field(min_length=1, description="The admin API key; without it the first start makes one in `data`/admin.key."),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="Least level that is logged, as JSON, to stderr."),
    ] = "info"
    access_log: Annotated[bool, Field(description="One log line a request.")] = False

    min_position_wait_s: Annotated[
        float, Field(ge=0, le=300, description="Longest wait of a read with `min_position`, seconds; then 503.")
    ] = 10.0
    lag_degraded: Annotated[
        int, Field(ge=0, description="Events a projection may lag before /health says `degraded`.")
    ] = 1_000
    edge_window: Annotated[
        int,
        Field(
            ge=1,
            le=1_000,
            description="Successful runs in a row that must lack an edge before it closes; a job may say otherwise. "
            "After a change run `headwater rebuild`.",
        ),
    ] = 1
    trace_edges: Annotated[
        int, Field(ge=1, description="Edges an answer of /trace may have; past it, it is `truncated` at a whole hop.")
    ] = 200_000
    stale_after_days: Annotated[
        int | None,
        Field(ge=1, description="Days after which an observed edge that no run showed again is `stale` in a trace."),
    ] = 30
    gone_after_days: Annotated[
        int | None,
        Field(ge=1, description="Days after which a trace leaves such an edge out; without it, never."),
    ] = None
    read_timeout_s: Annotated[
        float, Field(gt=0, description="Seconds for a request's head, and for each 64 KiB of its body; then 408.")
    ] = 30.0
    keep_alive_s: Annotated[int, Field(ge=1, description="Seconds an idle connection is kept open.")] = 75
    drain_s: Annotated[int, Field(ge=0, description="Seconds that running requests get to finish after SIGTERM.")] = 5

    limit_path_bytes: Annotated[
        int, Field(ge=256, description="Bytes of a request's target, query included; then 414.")
    ] = 8 * 1024
    limit_header_bytes: Annotated[int, Field(ge=1024, description="Bytes of a request's headers; then 431.")] = (
        32 * 1024
    )
    limit_body_bytes: Annotated[int, Field(ge=1024, description="Bytes of a body, inflated; then 413.")] = 32 * MIB
    limit_gzip_ratio: Annotated[
        int, Field(ge=1, description="Inflated over compressed size of a gzip body; then 413.")
    ] = 200
    limit_depth: Annotated[int, Field(ge=8, le=500, description="Nesting of JSON; then 400.")] = 64
    limit_identifier_bytes: Annotated[
        int, Field(ge=64, le=65_536, description="UTF-8 bytes of a namespace, a name or a field; then 422.")
    ] = 4096
    limit_facet_bytes: Annotated[
        int, Field(ge=1024, description="Bytes of one facet; past it only its size and hash are kept.")
    ] = MIB
    limit_batch_events: Annotated[int, Field(ge=1, description="Events of one batch; then 413.")] = 10_000
    limit_dbt_bytes: Annotated[
        int, Field(ge=1024, description="Bytes of dbt's artifacts together, inflated; then 413.")
    ] = 256 * MIB
    limit_columns: Annotated[int, Field(ge=1, description="Columns of one dataset; then 422.")] = 50_000

    def revealed(self) -> dict[str, Any]:
        """Values as JSON takes them, secrets in the clear: for a process of our own, never for a log."""
        shown = self.model_dump(mode="json")
        for name, value in self:
            if isinstance(value, SecretStr):
                shown[name] = value.get_secret_value()
        return shown

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_config_file())


def load(**given: Any) -> Settings:
    """Settings from `given` (None: not given), environment and file. Raises BadSettings, which names each bad one."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        # Not the values: one of them may be a password in the wrong place.
        reasons = (f"{_name(problem['loc'])}: {problem['msg']}" for problem in error.errors(include_input=False))
        raise BadSettings("; ".join(reasons)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadSettings(f"{_config_file()} can't be read: {error}; mend it or move it away") from error


def rows() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, in the order of this file: what docs/operating.md shows."""
    return [(name, _shown(field), field.description or "") for name, field in Settings.model_fields.items()]


def _name(loc: tuple[int | str, ...]) -> str:
    return str(loc[0]) if loc else CONFIG_FILE


def _shown(field: FieldInfo) -> str:
    return "" if field.default is None else str(field.default)


def _config_file() -> Path:
    named = os.environ.get(CONFIG_VARIABLE)
    path = Path(named or CONFIG_FILE)
    if named and not path.is_file():
        raise BadSettings(f"{CONFIG_VARIABLE} names {path}, which is no file; mend the path or unset it")
    return path
