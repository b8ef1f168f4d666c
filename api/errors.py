"""What can go wrong at the doors: one tree, every message says what, which, what now."""


class ApiError(Exception):
    """Root of the tree."""


class BadSettings(ApiError):
    """A setting's value makes no sense, or a file of settings can't be read."""


class BadKey(ApiError):
    """The admin key can't be used as it lies there."""


class Invalid(ApiError):
    """Well-formed but wrong: each place with its reason."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{pointer}: {reason}" for pointer, reason in errors))
        self.errors = errors


class BadCursor(ApiError):
    """`after` is not what a list gave as `next`."""
