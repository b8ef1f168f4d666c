"""What can go wrong on the way in: one tree, every message says what, which, what now.

The doors render these as problem documents by their fields: status, title, detail, errors, retry_after.
"""

from __future__ import annotations

from collections.abc import Iterable

TITLES = {
    400: "Not JSON",
    404: "Unknown",
    408: "The body came too slowly",
    409: "Conflict",
    413: "Too large",
    415: "Wrong type",
    422: "Well-formed but wrong",
    503: "Not now",
}


class IngestError(Exception):
    """Root of the tree. errors: one {pointer, reason} for each place in the body. retry_after: seconds."""

    def __init__(
        self, status: int, detail: str, errors: Iterable[dict[str, str]] = (), *, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = TITLES[status]
        self.detail = detail
        self.errors = list(errors)
        self.retry_after = retry_after


class Refused(IngestError):
    """The body can't be taken as it is; sending it again unchanged gives the same answer.

    closing: the rest of the body was not read, so the connection is of no further use. body: of the refused event,
    where it is one of a batch.
    """

    def __init__(
        self, status: int, detail: str, errors: Iterable[dict[str, str]] = (), *, closing: bool = False
    ) -> None:
        super().__init__(status, detail, errors)
        self.closing = closing
        self.body = b""


class Overloaded(IngestError):
    """More comes in than can be stored now. 503, not 429: OpenLineage clients drop a 429 but repeat a 503."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(503, detail, retry_after=retry_after)


class NotStored(IngestError):
    """The commit failed or its outcome is unknown; sent again, an event that was stored after all is a duplicate."""

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(503, detail, retry_after=retry_after)


class JournalInUse(Exception):
    """Another process appends to this journal; on SQLite only one may."""


def fault(pointer: str, reason: str) -> dict[str, str]:
    """One place in a body (JSON pointer, RFC 6901) and what is wrong there."""
    return {"pointer": pointer, "reason": reason}


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901).

    >>> pointer("inputs", 0, "a/b~c")
    '/inputs/0/a~1b~0c'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
