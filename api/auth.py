"""Who is asking. Until there are users and roles: the one admin key."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path
from urllib.parse import parse_qsl

import structlog

from api.errors import BadKey

log = structlog.get_logger(__name__)

KEY_FILE = "admin.key"
PREFIX = "hw_"
MIN_KEY = 16
# Names by which people put a key into an address, where logs and referers keep it.
KEYS_IN_QUERY = frozenset({"api_key", "apikey", "api-key", "access_token", "token", "authorization"})


def admin_key(data: Path, given: str | None) -> tuple[str, bool]:
    """The admin key, and whether it was made just now (say it once, it is shown nowhere again).

    given: a key from the settings; it wins and is not written down. Raises BadKey if the file is empty, can't be read,
    or others may read it: a key that leaked is worse than a start that fails.
    """
    if given is not None:
        if len(given) < MIN_KEY:
            log.warning("the admin key is short enough to be guessed", characters=len(given), better=MIN_KEY)
        return given, False
    path = data / KEY_FILE
    if not path.exists():
        return _made(path), True
    return _read(path), False


def _made(path: Path) -> str:
    key = PREFIX + secrets.token_urlsafe(32)
    # Written beside and linked: a crash leaves no half key, and of two that start at once one wins.
    beside = path.with_name(f"{KEY_FILE}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        return _read(path)
    finally:
        beside.unlink()
    return key


def _read(path: Path) -> str:
    try:
        mode = path.stat().st_mode & 0o777
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadKey(f"{path} can't be read: {error}; mend it, or set HEADWATER_ADMIN_KEY") from error
    if mode & 0o077:
        raise BadKey(f"{path} has mode {mode:04o}, so others can read the key; make a new one, or chmod 600 it")
    if len(key) < MIN_KEY:
        raise BadKey(f"{path} holds no key; delete it to have a new one made, or set HEADWATER_ADMIN_KEY")
    return key


class AdminKey:
    """Compares what a request brings with the key, in constant time."""

    def __init__(self, key: str) -> None:
        self._expected = b"Bearer " + key.encode()

    def refusal(self, headers: list[tuple[bytes, bytes]], query: bytes) -> str | None:
        """Why a request may not pass; None: it may."""
        if query and _has_key(query):
            return "a key in an address is kept by logs; send it as `Authorization: Bearer …` and replace it"
        given = [value for name, value in headers if name == b"authorization"]
        if not given:
            return "send the admin key as `Authorization: Bearer …`; it stands in admin.key of the data folder"
        # "bearer" in any case, RFC 7235; the key itself byte by byte.
        scheme, _, key = given[0].partition(b" ")
        if len(given) > 1 or scheme.lower() != b"bearer":
            return "the Authorization header is not one `Bearer …`"
        if not hmac.compare_digest(b"Bearer " + key, self._expected):
            return "the key is not the admin key; it stands in admin.key of the data folder"
        return None


def _has_key(query: bytes) -> bool:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name.lower() in KEYS_IN_QUERY for name, _ in pairs)
