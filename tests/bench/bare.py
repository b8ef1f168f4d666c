"""The limit that intake is held against: an endpoint that reads the body and appends it, in groups, to SQLite; no more.

The same uvicorn, protocol and settings, the same SQLite with synchronous=FULL, one transaction and one fsync for all
that wait. What it lacks is what Headwater adds: parsing, validation, secrets, duplicates, keys, metrics.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

import uvicorn
from pysqlite3 import dbapi2

from api.protocol import protocol
from api.settings import Settings

GROUP = 1_000


class Bare:
    """An ASGI application over one table."""

    def __init__(self, path: Path) -> None:
        self._connection = dbapi2.connect(str(path), isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._changed = threading.Condition()
        self._queue: deque[tuple[bytes, asyncio.Future[None], asyncio.AbstractEventLoop]] = deque()
        threading.Thread(target=self._write, daemon=True).start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message.get("more_body", False)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._changed:
            self._queue.append((b"".join(parts), future, loop))
            self._changed.notify()
        await future
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO event (body) VALUES (?)", [(body,) for body, _, _ in group])
            self._connection.execute("COMMIT")
            group[0][2].call_soon_threadsafe(_tell, [future for _, future, _ in group])


def _tell(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
        sys.stdout.flush()


def main(folder: Path) -> None:
    settings = Settings(data=folder)
    config = uvicorn.Config(
        Bare(folder / "bare.db"),
        host="127.0.0.1",
        port=0,
        http=protocol(
            path_bytes=settings.limit_path_bytes,
            header_bytes=settings.limit_header_bytes,
            read_timeout_s=settings.read_timeout_s,
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[("x-content-type-options", "nosniff"), ("cache-control", "no-store")],
        timeout_keep_alive=settings.keep_alive_s,
        backlog=2048,
    )
    _Server(config).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
