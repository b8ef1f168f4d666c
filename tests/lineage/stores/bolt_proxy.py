"""A Bolt connection that breaks where it hurts: around COMMIT."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

# A chunk of two bytes: the structure B0 with signature 12, COMMIT in the Bolt protocol; then the end of the message.
COMMIT = b"\x00\x02\xb0\x12\x00\x00"


class Cut(Enum):
    """Where a connection breaks: COMMIT never arrives, or it arrives and its SUCCESS never comes back."""

    BEFORE_COMMIT = "before"
    AFTER_COMMIT = "after"


class BoltProxy:
    """Passes everything through, and breaks connections where `cut` says, one after the other."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._armed: list[tuple[Cut, int]] = []
        self.port = 0
        self.cuts = 0

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    def cut(self, where: Cut, after: int = 0) -> None:
        """Breaks the connection of the next COMMIT, or of the one after so many more."""
        self._armed.append((where, after))

    async def serve(self, ready: threading.Event) -> None:
        """Until `stop`; whatever still runs then is cancelled with the loop."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _pass(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):  # cancelled: the proxy ends
            server, to_server = await asyncio.open_connection(*self._upstream)
            back = asyncio.create_task(self._copy(server, to_client))
            try:
                await self._watch(client, to_server, server, back)
            finally:
                back.cancel()
                to_server.transport.abort()
        to_client.transport.abort()

    async def _watch(
        self,
        client: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        back: asyncio.Task[None],
    ) -> None:
        while data := await client.read(65536):
            if COMMIT in data and (where := self._due()):
                self.cuts += 1
                if where is Cut.AFTER_COMMIT:
                    back.cancel()  # what the server says from here on never reaches the client
                    await asyncio.wait([back])
                    to_server.write(data)
                    await server.read(1)  # the server has answered: the commit is done
                return
            to_server.write(data)
            await to_server.drain()

    def _due(self) -> Cut | None:
        """Whether this COMMIT is one to break at."""
        if not self._armed:
            return None
        where, after = self._armed.pop(0)
        if after:
            self._armed.insert(0, (where, after - 1))
            return None
        return where

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


@contextmanager
def bolt_proxy(uri: str) -> Iterator[BoltProxy]:
    """A running proxy before the server of a bolt:// URI."""
    host, _, port = uri.rpartition("//")[2].rpartition(":")
    proxy, ready = BoltProxy(host, int(port)), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(ready)), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(30)
