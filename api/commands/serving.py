"""Starting the server from the command line."""

from __future__ import annotations

import errno
import socket

from api.commands.errors import CommandFailed
from api.settings import Settings


def serve(settings: Settings) -> None:
    """Serves until told to stop. Raises CommandFailed if the address can't be used."""
    from api.server import serve as run

    try:
        run(settings)
    except OSError as error:
        raise _unusable(settings, error) from error


def require_free(settings: Settings) -> None:
    """Raises CommandFailed if the server could not listen where it should."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
    except OSError as error:
        raise _unusable(settings, error) from error


def _unusable(settings: Settings, error: OSError) -> CommandFailed:
    address = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return CommandFailed(f"{address} is taken; stop what listens there, or give another --port (0: a free one)")
    if error.errno in {errno.EADDRNOTAVAIL, errno.EACCES}:
        return CommandFailed(f"can't listen on {address}: {error.strerror}; give another --host or --port")
    return CommandFailed(f"the server stopped: {error}; mend that and start it again")
