"""A SQLite that may corrupt files isn't run on."""

from __future__ import annotations

import pytest

from lineage.database import _require_safe_sqlite
from lineage.errors import StoreUnavailable


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.7"])
def test_a_sqlite_with_the_wal_reset_bug_is_refused(version: str) -> None:
    with pytest.raises(StoreUnavailable, match="can corrupt a file"):
        _require_safe_sqlite(version)


def test_later_versions_are_taken() -> None:
    _require_safe_sqlite("3.51.3")
    _require_safe_sqlite("4.0.0")
