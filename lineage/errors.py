"""What can go wrong in the domain: one tree, every message says what, which, what now."""


class LineageError(Exception):
    """Root of the tree."""


class UnknownNode(LineageError):
    """The catalog has never seen this node."""

    def __init__(self, node: str, nearest: tuple[str, ...] = ()) -> None:
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else "; GET /api/v1/search?q=… finds names"
        super().__init__(f"no node {node} is known{hint}")
        self.node = node
        self.nearest = nearest


class InvalidNode(LineageError):
    """The text is not the id of a node."""


class InvalidCursor(LineageError):
    """The cursor was not made by the list it is given to."""


class InvalidSelection(LineageError):
    """The text is no selection. column: where it stops making sense, from 1."""

    def __init__(self, column: int, reason: str) -> None:
        super().__init__(f"the selection can't be read at column {column:,}: {reason}")
        self.column = column


class TooWide(LineageError):
    """An answer would pass its limit of edges."""


class StoreUnavailable(LineageError):
    """A store can't be reached now; nothing was lost, ask again later."""


class StoreBehind(LineageError):
    """The projections didn't reach the position asked for within the time allowed."""


class NotOwner(LineageError):
    """Another process projects into this catalog."""
