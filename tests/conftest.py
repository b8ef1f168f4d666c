"""What every test has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.servers"]


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A test that sets up logging, as a command does, leaves no logger behind that writes to its captured stderr."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
