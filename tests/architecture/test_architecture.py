"""What keeps the house in order: directions of imports, names of packages, locks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("lineage", "ingest", "policies", "api")
LOCKS = ("requirements.lock", "requirements-dev.lock")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_imports_point_down() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
            "--no-logo",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_dependency_ships_a_package_of_our_name() -> None:
    taken = {
        (distribution.name, file.parts[0].removesuffix(".py"))
        for distribution in distributions()
        if distribution.name != "headwater"
        for file in distribution.files or ()
        if file.parts[0].removesuffix(".py") in PACKAGES
    }

    assert taken == set(), "two packages of one name hide each other; rename ours or drop the dependency"


def test_nothing_runs_a_package_as_a_script() -> None:
    text = "\n".join(path.read_text("utf-8") for path in [*SOURCES, ROOT / "Makefile", ROOT / "Dockerfile"])

    assert re.findall(rf"python3? -m (?:{'|'.join(PACKAGES)})\b", text) == []


def test_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))

    assert docstring
    assert docstring.splitlines()[0].strip()


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_by_hash_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert [entry for entry in entries if not re.match(r"[\w.-]+(\[[\w,-]+\])?==", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_locks_hold_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runtime = {_name(requirement) for requirement in project["project"]["dependencies"]}
    development = {_name(requirement) for requirement in project["dependency-groups"]["dev"]}

    assert runtime <= _locked(LOCKS[0])
    assert runtime | development <= _locked(LOCKS[1])
    assert _versions(LOCKS[0]).items() <= _versions(LOCKS[1]).items()


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None
    return found[0].lower().replace("_", "-").replace(".", "-")


def _locked(lock: str) -> set[str]:
    return set(_versions(lock))


def _versions(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text("utf-8")
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)(.*?)\\?$", text, re.MULTILINE)
    return {_name(name) + marker.strip(): version for name, version, marker in pins} | {
        _name(name): version for name, version, _ in pins
    }
