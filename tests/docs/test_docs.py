"""The documentation says what is so: tables, links, names of functions, examples."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import blocks

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), list(blocks.BLOCKS))
def test_tables_made_from_the_code_are_up_to_date(file: str, name: str) -> None:
    assert blocks.found(file, name) == blocks.BLOCKS[file, name](), f"{file} is behind the code; run `make docs`"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    broken = [target for _, target in _links(page) if not _resolves(page, target)]

    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_functions_that_are_linked_exist(page: str) -> None:
    missing = [
        f"{name} in {target}"
        for name, target in _links(page)
        if target.endswith(".py") and name.startswith("`") and not _defines(ROOT / page, target, name.strip("`"))
    ]

    assert missing == []


def test_the_tour_names_functions() -> None:
    assert len([target for _, target in _links("docs/tour.md") if target.endswith(".py")]) >= 20


@pytest.mark.parametrize("page", PAGES)
def test_targets_of_make_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_settings_and_commands_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    settings = {f"HEADWATER_{name.upper()}" for name, _, _ in blocks.all_settings.rows()}
    known = settings | {"HEADWATER_NAME", "HEADWATER_CONFIG", "HEADWATER_URL", "HEADWATER_TOKEN"}
    known |= {"HEADWATER_BIND"}  # of docker-compose.yml
    commands = {synopsis.split(" ")[1] for synopsis, _ in blocks.synopses()}

    assert set(re.findall(r"\bHEADWATER_[A-Z_]+", text)) - known == set()
    assert set(re.findall(r"(?:^|`)headwater ([a-z]+)", text, re.MULTILINE)) - commands == set()


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def _modules() -> list[str]:
    found = []
    for package in ("lineage", "ingest", "policies", "api"):
        for module in pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}."):
            if not module.name.startswith("api.migrations."):  # Alembic runs these, and only within a migration
                found.append(module.name)
    return found


@pytest.mark.parametrize("module", _modules())
def test_examples_in_docstrings_are_true(module: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module))

    assert failed == 0


def _links(page: str) -> Iterator[tuple[str, str]]:
    text = FENCE.sub("", (ROOT / page).read_text("utf-8"))
    for _, name, target in LINK.findall(text):
        yield name, target


def _resolves(page: str, target: str) -> bool:
    if target.startswith(("http://", "https://")):
        return True
    path, _, anchor = target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    return file.exists() and (not anchor or anchor in _anchors(file))


def _anchors(file: Path) -> set[str]:
    """Anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", file.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _defines(page: Path, target: str, name: str) -> bool:
    """Whether a file defines a function, a class, a method `Class.method` or a constant."""
    body: list[ast.stmt] = ast.parse((page.parent / target).read_text("utf-8")).body
    for part in name.split("."):
        found = [node for node in body if part in _names(node)]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}
