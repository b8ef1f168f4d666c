"""The containers, as far as they can be judged without an engine: secrets, users, ports, health."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


def test_it_is_headwater_neo4j_and_postgres() -> None:
    assert set(SERVICES) == {"headwater", "neo4j", "postgres"}


@pytest.mark.parametrize("name", ["neo4j", "postgres"])
def test_stores_have_health_checks(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_the_image_has_a_health_check() -> None:
    assert "HEALTHCHECK" in STAGES[-1]
    assert "/api/v1/health/ready" in STAGES[-1]


@pytest.mark.parametrize("name", list(SERVICES))
def test_what_is_kept_is_kept_in_a_named_volume(name: str) -> None:
    kept = [volume.split(":")[0] for volume in SERVICES[name]["volumes"]]

    assert kept
    assert set(kept) <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", list(SERVICES))
def test_no_secret_has_a_default(name: str) -> None:
    secrets = {k: v for k, v in SERVICES[name]["environment"].items() if re.search(r"PASSWORD|KEY|AUTH|_URL", k)}

    assert secrets
    for value in secrets.values():
        assert re.search(r"\$\{[A-Z0-9_]+:\?[^}]+\}", value), value


def test_stores_are_reached_only_from_inside() -> None:
    assert COMPOSE["networks"]["stores"]["internal"] is True
    for name in ("neo4j", "postgres"):
        assert SERVICES[name]["networks"] == ["stores"]
        assert "ports" not in SERVICES[name]


def test_the_port_is_bound_to_this_machine_unless_told_otherwise() -> None:
    assert SERVICES["headwater"]["ports"] == ["${HEADWATER_BIND:-127.0.0.1}:${HEADWATER_PORT:-8000}:8000"]


def test_headwater_waits_for_its_journal_but_not_for_its_graph() -> None:
    waits = SERVICES["headwater"]["depends_on"]

    assert waits["postgres"]["condition"] == "service_healthy"
    assert waits["neo4j"]["condition"] == "service_started"


def test_headwater_has_no_rights_it_does_not_need() -> None:
    headwater = SERVICES["headwater"]

    assert headwater["read_only"] is True
    assert headwater["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in headwater["security_opt"]


def test_every_setting_that_the_containers_give_exists() -> None:
    given = set(re.findall(r"HEADWATER_([A-Z_]+)", DOCKERFILE))
    given |= {name.removeprefix("HEADWATER_") for name in SERVICES["headwater"]["environment"]}

    assert given <= {name.upper() for name in Settings.model_fields}


def test_the_image_is_built_in_two_stages_and_does_not_run_as_root() -> None:
    assert len(STAGES) == 2
    user = re.findall(r"^USER (\S+)", STAGES[-1], flags=re.MULTILINE)
    assert user
    assert user[-1].split(":")[0] not in {"root", "0"}
    assert DOCKERFILE.rindex("USER ") > DOCKERFILE.rindex("RUN ")


def test_the_image_is_made_from_the_hashed_lock() -> None:
    installs = re.findall(r"pip install (.*)", DOCKERFILE)

    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_the_build_context_leaves_out_what_is_not_asked_for() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").split()
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, flags=re.MULTILINE)
        for word in line.split()
    }

    assert lines[0] == "*"
    assert copied == {line.removeprefix("!") for line in lines if line.startswith("!")}
