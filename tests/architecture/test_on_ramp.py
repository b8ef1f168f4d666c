"""make and .ci/run, as far as they can be judged without running themselves."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
CI = ROOT / ".ci" / "run"


def planned(target: str) -> str:
    """What make would do for a target on a fresh clone."""
    command = ["make", "--no-print-directory", "--dry-run", "--always-make", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_target() -> None:
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {target for target in targets if f"make {target} " in listed} == targets


def test_every_target_sets_up_its_environment_from_the_hashed_lock() -> None:
    for target in ("demo", "test", "lint", "bench", "soak", "docs"):
        assert "pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock" in planned(target)


def test_tests_come_last_whatever_lint_says() -> None:
    """The last line of `make test` is pytest's summary; machines read it."""
    plan = planned("test")

    assert plan.index("ruff check . || failed=1") < plan.index("-m pytest")
    assert plan.rstrip().endswith("&& exit $failed")


def test_ci_runs_make_test_and_lets_no_live_test_be_skipped() -> None:
    script = CI.read_text("utf-8")

    assert os.access(CI, os.X_OK)
    assert re.search(r"^export CI=true$", script, re.MULTILINE)
    assert re.search(r"^make test\b", script, re.MULTILINE)
    assert subprocess.run(["bash", "-n", str(CI)], check=False).returncode == 0
