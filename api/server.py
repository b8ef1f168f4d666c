"""Serves until told to stop: uvicorn on a socket that is bound before anything else, so that clients wait, not fail."""

from __future__ import annotations

import gc
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from api.logs import configure_logging
from api.protocol import protocol
from api.settings import Settings
from api.wiring import Headwater, open_headwater

BACKLOG = 2048
# The embedded graph is loaded within this on all but the largest catalogs; past it, intake opens without the graph.
LOAD_WAIT_S = 4.0


def serve(settings: Settings) -> None:
    """Runs the server until SIGTERM or SIGINT, then finishes what runs and stops every part.

    Raises OSError if the address is taken, and what `open_headwater` raises.
    """
    configure_logging(settings.log_level)
    with _bound(settings.host, settings.port) as listening, open_headwater(settings, projector="process") as headwater:
        _tell_key(headwater)
        _wait_for_graph(headwater)
        _calm_collector()
        server = _Server(_config(settings, headwater), _address(listening))
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says where it listens once it answers."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, which then sends itself the signal once more and so dies before anything else is closed."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _say(f"Headwater listening on {self._address}")


def _config(settings: Settings, headwater: Headwater) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(headwater),
        http=protocol(
            path_bytes=settings.limit_path_bytes,
            header_bytes=settings.limit_header_bytes,
            read_timeout_s=settings.read_timeout_s,
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=settings.access_log,
        server_header=False,
        headers=[("x-content-type-options", "nosniff"), ("cache-control", "no-store")],
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.drain_s,
        backlog=BACKLOG,
    )


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # From here on the kernel takes connections; they are answered once everything is open.
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tell_key(headwater: Headwater) -> None:
    if headwater.admin_key_is_new:
        _say(f"Admin key, shown this once: {headwater.admin_key}")


def _wait_for_graph(headwater: Headwater) -> None:
    until = time.monotonic() + LOAD_WAIT_S
    while not headwater.graph_is_loaded() and time.monotonic() < until:
        time.sleep(0.02)


def _calm_collector() -> None:
    """Spares answers of thousands of rows the search for cycles that they don't have: a quarter of a large trace."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
