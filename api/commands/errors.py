"""What a command tells when it fails. One tree, rooted in ApiError; every message says what, which, what now."""

from __future__ import annotations

from api.errors import ApiError


class CommandFailed(ApiError):
    """The command could not do what it was asked; exit status 1."""


class BadUsage(ApiError):
    """The command was called wrongly; exit status 2."""


class Differs(ApiError):
    """A check said no; exit status 3."""
