"""docs/time.md: its example prints what stands there, and the sections of a diff are those it names."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from lineage.diff import SECTIONS
from tests.api.asking import event
from tests.docs.running import ROOT, shell

PAGE = (ROOT / "docs" / "time.md").read_text("utf-8")
EXAMPLE = re.search(r"^    \$ (headwater diff .*)\n((?:    .*\n)+)", PAGE, re.MULTILINE)


def test_the_example_prints_what_stands_there(tmp_path: Path) -> None:
    assert EXAMPLE is not None
    types = [{"schema": {"fields": [{"name": "id", "type": type_}]}} for type_ in ("int", "bigint")]
    told = [
        event("load", ("old",), ("mart",), at="2026-05-01T00:00:00Z", facets=types[0]),
        event("load", ("new",), ("mart",), at="2026-05-04T00:00:00Z", facets=types[1]),
    ]
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(orjson.dumps(one) for one in told))
    called = shell(f"headwater ingest events events.ndjson >/dev/null && {EXAMPLE[1]}", tmp_path)

    assert called.returncode == 0, called.stderr
    assert [line.split() for line in called.stdout.splitlines()] == [line.split() for line in EXAMPLE[2].splitlines()]


def test_every_section_is_described() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("## What changed")[2], re.MULTILINE)) == set(SECTIONS)
