"""The parts of docs that are made from the code: settings, commands, routes. `make docs` writes them.

A block stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main

from api import settings as all_settings
from api.cli import app
from api.wiring import open_headwater
from lineage import naming_rules as names

ROOT = Path(__file__).parents[2]
SYNOPSIS_WIDTH = 100


def settings() -> str:
    """One line a setting."""
    lines = ["| setting | default | what it does |", "| --- | --- | --- |"]
    for name, default, meaning in all_settings.rows():
        lines.append(f"| `{name}` | {f'`{default}`' if default else ''} | {_cell(meaning)} |")
    return "\n".join(lines)


def commands() -> str:
    """One line a command, with all its options."""
    lines = ["| command | what it does |", "| --- | --- |"]
    lines += [f"| `{_cell(synopsis)}` | {_cell(meaning)} |" for synopsis, meaning in synopses()]
    return "\n".join(lines)


def synopses() -> Iterator[tuple[str, str]]:
    """How each command is spelt, and the first sentence of its help."""
    yield from _synopses("headwater", typer.main.get_command(app))


def _synopses(path: str, command: Any) -> Iterator[tuple[str, str]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _synopses(f"{path} {name}", inner)
        return
    context = command.context_class(command)
    words = [_word(parameter, context) for parameter in command.params if parameter.name != "help"]
    yield " ".join([path, *words]), command.help.split("\n\n")[0].replace("\n", " ")


def _word(parameter: Any, context: Any) -> str:
    spelt = parameter.get_help_record(context)[0].replace(" / ", "/")
    if parameter.param_type_name == "argument":
        return str(spelt.split(" ")[0])
    return f"[{spelt.replace('<str>', parameter.name.upper()).replace('<int>', 'N')}]"


def routes() -> str:
    """One line a route."""
    lines = ["| route | parameters | what it answers |", "| --- | --- | --- |"]
    for path, method, operation in operations():
        names = ", ".join(f"`{p['name']}`" for p in operation.get("parameters", ()) if p["in"] == "query")
        what = operation.get("description") or operation.get("summary") or ""
        lines.append(f"| `{method.upper()} {path}` | {names} | {_cell(what.split(chr(10) * 2)[0])} |")
    return "\n".join(lines)


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path below /api/v1, method and description of every route, in the order of paths."""
    from api.app import create_app

    given = {"data": Path(tempfile.mkdtemp()), "admin_key": "hw_only_to_list_the_routes"}
    with open_headwater(all_settings.load(**given), projector="inline") as headwater:
        paths = create_app(headwater).openapi()["paths"]
    for path in sorted(paths):
        for method, operation in paths[path].items():
            yield path.removeprefix("/api/v1"), method, operation


def naming_rules() -> str:
    """One line a rule of naming.toml, with its example."""
    lines = ["| rule | what it says | from | to |", "| --- | --- | --- | --- |"]
    for rule in names.load().rules:
        before, after = (f"`` {place} `` `` {name} ``" for place, name in (rule.before, rule.after))
        lines.append(f"| `{rule.id}` | {_cell(rule.says)} | {before} | {after} |")
    return "\n".join(lines)


def naming_schemes() -> str:
    """One line a scheme of naming.toml."""
    lines = ["| scheme | also written | port | a full name | case | why |", "| --- | --- | --- | --- | --- | --- |"]
    for spelling, scheme in names.load().schemes.items():
        if spelling == scheme.name:
            also = ", ".join(f"`{alias}`" for alias in scheme.aliases)
            port = f"{'-' if scheme.port_optional else '+'}{scheme.port}" if scheme.port else ""
            full = (
                f"{scheme.parts} parts" if scheme.parts else {"paths": "path", "files": "tables"}.get(scheme.holds, "")
            )
            lines.append(f"| `{spelling}` | {also} | {port} | {full} | {scheme.case} | {_cell(scheme.why)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


BLOCKS: dict[tuple[str, str], Callable[[], str]] = {
    ("docs/operating.md", "settings"): settings,
    ("docs/operating.md", "commands"): commands,
    ("docs/api.md", "routes"): routes,
    ("docs/naming.md", "naming-rules"): naming_rules,
    ("docs/naming.md", "naming-schemes"): naming_schemes,
}


def found(file: str, name: str) -> str:
    """What stands in a block now."""
    return _pattern(name).search((ROOT / file).read_text("utf-8"))[2]  # type: ignore[index]


def write_all() -> None:
    """Makes every block anew."""
    for (file, name), make in BLOCKS.items():
        path = ROOT / file
        text = make()
        path.write_text(_pattern(name).sub(lambda m, text=text: m[1] + text + m[3], path.read_text("utf-8")), "utf-8")


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(\n?<!-- /{name} -->)", re.DOTALL)


if __name__ == "__main__":
    write_all()
