"""Real Neo4j and real PostgreSQL for tests: found, or started here and stopped again by their own process id.

A pytest plugin (`pytest_plugins = ["tests.servers"]`) with the fixtures `neo4j`, `postgresql` and `postgresql_url`, and
plain classes for whoever wants a server of its own to kill. Where a server can't be had, a test is skipped with the
line that would enable it; under CI=true it fails instead, so that a green build always means that it ran.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from neo4j import Driver, GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

ROOT = Path(__file__).resolve().parents[1]
NEO4J_SOURCES = ROOT / "tests" / "live" / "neo4j"
NEO4J_VERSION = "5.26.30"  # as in tests/live/neo4j/pom.xml
NEO4J_IMAGE = "neo4j:5.26-community"
# Neo4j's off-heap buffers reach into java.nio; without these flags it stops at start.
JVM_FLAGS = ["-Xmx1g", *(f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in ("java.nio", "java.io", "sun.nio.ch"))]
START_S = 120
T = TypeVar("T")


class Unavailable(Exception):
    """A server can't be started here; the message ends in the line that would enable it."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def or_skip(start: Callable[[], T]) -> T:
    """What `start` gives; if it can't, the test is skipped, or fails under CI=true."""
    try:
        return start()
    except Unavailable as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"CI=true and a server is missing: {error}", pytrace=False)
        pytest.skip(str(error))


class Server(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


S = TypeVar("S", bound=Server)
STARTED = pytest.StashKey[dict[Callable[[], Any], Any]]()


def shared(config: pytest.Config, make: Callable[[], S]) -> S:
    """The one server of its kind in this run, started when first asked for, stopped when the run ends.

    Kept with the run and not by a fixture: a fixture that several modules import is several fixtures to pytest.
    """
    started = config.stash.setdefault(STARTED, {})
    if make not in started:
        server = make()
        config.add_cleanup(server.stop)
        server.start()
        started[make] = server
    found: S = started[make]
    return found


def _await(ready: Callable[[], bool], alive: Callable[[], bool], what: str, log: Callable[[], str]) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if not alive() or time.monotonic() > deadline:
            raise Unavailable(f"{what} did not start; the end of its log:\n{log()[-2000:]}")
        time.sleep(0.1)


# --- Neo4j ------------------------------------------------------------------------------------------------------------


class Neo4jServer(Protocol):
    """A Neo4j that answers Bolt. kill and start: for crash tests; can_restart False: it isn't ours to kill."""

    uri: str
    auth: tuple[str, str] | None
    can_restart: bool

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def stop(self) -> None: ...


def bolt_answers(uri: str, auth: tuple[str, str] | None) -> bool:
    try:
        options = {"connection_timeout": 2, "connection_acquisition_timeout": 3}
        with GraphDatabase.driver(uri, auth=auth, **options) as driver, driver.session() as session:
            session.run("RETURN 1").consume()  # not execute_query: that would wait and try again by itself
            return True
    except (DriverError, Neo4jError, OSError):
        return False


class FoundNeo4j:
    """The one that NEO4J_URI (with NEO4J_USER, NEO4J_PASSWORD) names."""

    can_restart = False

    def __init__(self, uri: str) -> None:
        self.uri = uri
        password = os.environ.get("NEO4J_PASSWORD")
        self.auth = (os.environ.get("NEO4J_USER", "neo4j"), password) if password else None

    def start(self) -> None:
        if not bolt_answers(self.uri, self.auth):
            raise Unavailable(f"NEO4J_URI={self.uri} does not answer; unset it, or start that server")
        with GraphDatabase.driver(self.uri, auth=self.auth) as driver:
            _claim(driver, self.uri)

    def kill(self) -> None:
        raise AssertionError("the server behind NEO4J_URI is not ours to kill")

    def stop(self) -> None:
        return


def _claim(driver: Driver, uri: str) -> None:
    """Marks a foreign database as the tests' own; refuses one that holds anything else: tests wipe it."""
    found = driver.execute_query("MATCH (n) RETURN count(n) AS nodes, count{(:_HeadwaterTests)} AS ours").records
    if found and found[0]["nodes"] and not found[0]["ours"]:
        raise Unavailable(
            f"the database at {uri} is not empty and tests would wipe it; point NEO4J_URI at an empty one"
        )
    driver.execute_query("MERGE (:_HeadwaterTests)")


class JavaNeo4j:
    """Neo4j's jars in a JVM of our own, its data in a temporary folder that outlives a kill."""

    can_restart = True
    auth: tuple[str, str] | None = None

    def __init__(self) -> None:
        self._jars = neo4j_jars()
        self.home = Path(tempfile.mkdtemp(prefix="headwater-neo4j-"))
        self.port = free_port()
        self.uri = f"bolt://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def start(self) -> None:
        log = self.home / "stdout.log"
        command = ["java", *JVM_FLAGS, "-cp", f"{self._jars}/*", str(NEO4J_SOURCES / "Neo4jServer.java")]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*command, str(self.home), str(self.port)], stdout=out, stderr=out, stdin=subprocess.PIPE
            )
        process = self._process
        _await(
            lambda: bolt_answers(self.uri, None),
            lambda: process.poll() is None,
            "Neo4j",
            lambda: log.read_text("utf-8", "replace"),
        )

    def kill(self) -> None:
        """SIGKILL; its data stay for the next start."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it and removes its data."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.communicate(timeout=60)
            self._process = None


class DockerNeo4j:
    """A container, for machines with an engine and without Java."""

    can_restart = True
    auth: tuple[str, str] | None = None

    def __init__(self) -> None:
        self.port = free_port()
        self.uri = f"bolt://127.0.0.1:{self.port}"
        self._container = ""

    def start(self) -> None:
        if self._container:
            _run(["docker", "start", self._container])
        else:
            publish = f"127.0.0.1:{self.port}:7687"
            self._container = _run(["docker", "run", "-d", "-p", publish, "-e", "NEO4J_AUTH=none", NEO4J_IMAGE]).strip()
        _await(
            lambda: bolt_answers(self.uri, None),
            lambda: _run(["docker", "inspect", "-f", "{{.State.Running}}", self._container]).strip() == "true",
            f"{NEO4J_IMAGE} in Docker",
            lambda: _run(["docker", "logs", "--tail", "50", self._container]),
        )

    def kill(self) -> None:
        _run(["docker", "kill", self._container])

    def stop(self) -> None:
        if self._container:
            _run(["docker", "rm", "-f", "-v", self._container])


def neo4j_jars() -> Path:
    """The folder of Neo4j's jars; Maven fills it once. Raises Unavailable without Java or Maven."""
    jars = ROOT / ".cache" / f"neo4j-{NEO4J_VERSION}"
    if not shutil.which("java"):
        raise Unavailable(
            "live Neo4j tests need Java 17 or newer (apt install openjdk-17-jre-headless maven), or NEO4J_URI=bolt://…"
        )
    if jars.is_dir():
        return jars
    if not shutil.which("mvn"):
        raise Unavailable("live Neo4j tests need Maven once (apt install maven), or NEO4J_URI=bolt://HOST:PORT")
    # Workers may fetch at the same time: each fills a folder of its own, the first rename wins.
    partial = jars.with_name(f"{jars.name}.{os.getpid()}")
    fetch = [
        "mvn",
        "-q",
        "-B",
        "-f",
        str(NEO4J_SOURCES / "pom.xml"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={partial}",
    ]
    _run(fetch, timeout_s=900)
    try:
        partial.rename(jars)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
    return jars


def _run(command: list[str], timeout_s: float = 120) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout)[-1000:]}")
    return done.stdout


def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    with suppress(subprocess.TimeoutExpired, Unavailable):
        _run(["docker", "info"], timeout_s=10)
        return True
    return False


def new_neo4j(*, own: bool = False) -> Neo4jServer:
    """A server, not started yet: NEO4J_URI (unless it must be our own), else Java, else Docker. Raises Unavailable."""
    uri = os.environ.get("NEO4J_URI")
    if uri and not own:
        return FoundNeo4j(uri)
    try:
        return JavaNeo4j()
    except Unavailable:
        if _docker_answers():
            return DockerNeo4j()
        raise


@contextmanager
def running_neo4j(*, own: bool = False) -> Iterator[Neo4jServer]:
    """A started server, stopped on leaving. own: one that may be killed, never the one of NEO4J_URI."""
    server = new_neo4j(own=own)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def neo4j(request: pytest.FixtureRequest) -> Neo4jServer:
    """A Neo4j that all tests of a session share: whoever uses it loads first, which wipes."""
    return or_skip(lambda: shared(request.config, new_neo4j))


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


class PostgreSQLServer:
    """A cluster of its own in a temporary folder, fully durable, on a free port of 127.0.0.1."""

    can_restart = True

    def __init__(self) -> None:
        self._initdb, self._pg_ctl = _postgresql_program("initdb"), _postgresql_program("pg_ctl")
        self.home = Path(tempfile.mkdtemp(prefix="headwater-pg-"))
        self.port = free_port()
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.home, pwd.getpwnam(self._user).pw_uid, pwd.getpwnam(self._user).pw_gid)
        self._data = self.home / "data"

    @property
    def url(self) -> str:
        """Of the maintenance database; tests ask for one of their own by `new_database`."""
        return f"postgresql://headwater@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        if not self._data.exists():
            self._as_user(
                [self._initdb, "-D", self._data, "-U", "headwater", "-A", "trust", "-E", "UTF8", "--locale=C"]
            )
        options = f"-p {self.port} -k {self.home} -c listen_addresses=127.0.0.1 -c max_connections=200"
        self._as_user(
            [self._pg_ctl, "-D", self._data, "-l", self.home / "postgres.log", "-w", "-t", "60", "-o", options, "start"]
        )

    def crash(self) -> None:
        """Ends it without a checkpoint, as a power cut of the server would: the next start replays its log."""
        self._as_user([self._pg_ctl, "-D", self._data, "-m", "immediate", "-w", "stop"])

    def stop(self) -> None:
        """Ends it and removes its data."""
        if (self._data / "postmaster.pid").exists():
            with suppress(Unavailable):
                self.crash()
        shutil.rmtree(self.home, ignore_errors=True)

    def _as_user(self, command: list[str | Path]) -> None:
        # Output goes to a file: the server inherits what pg_ctl has, and would keep a pipe open for ever.
        log = self.home / "server.log"
        with log.open("ab") as out:
            done = subprocess.run(
                [str(part) for part in command],
                **({"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=START_S,
                check=False,
            )
        if done.returncode:
            tail = log.read_text("utf-8", "replace")[-1000:]
            raise Unavailable(f"{Path(command[0]).name} ended with {done.returncode}: {tail}")


class FoundPostgreSQL:
    """The one that POSTGRES_URL names; its user must be allowed to create databases."""

    can_restart = False

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise Unavailable(f"POSTGRES_URL does not answer ({error}); unset it, or start that server") from error

    def crash(self) -> None:
        raise AssertionError("the server behind POSTGRES_URL is not ours to crash")

    def stop(self) -> None:
        return


def _postgresql_program(name: str) -> str:
    """Path of a server program: in PATH, or where Debian keeps it, newest version first."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]), reverse=True)
    found = shutil.which(name) or next((str(path) for path in kept), None)
    if found is None:
        raise Unavailable(
            "live PostgreSQL tests need its server programs (apt install postgresql), or POSTGRES_URL=postgresql://…"
        )
    return found


AnyPostgreSQL = PostgreSQLServer | FoundPostgreSQL


def new_postgresql(*, own: bool = False) -> AnyPostgreSQL:
    """A server, not started yet: POSTGRES_URL (unless it must be our own), else a cluster here. Raises Unavailable."""
    url = os.environ.get("POSTGRES_URL")
    return FoundPostgreSQL(url) if url and not own else PostgreSQLServer()


@contextmanager
def running_postgresql(*, own: bool = False) -> Iterator[AnyPostgreSQL]:
    """A started server, stopped on leaving. own: one that may be crashed, never the one of POSTGRES_URL."""
    server = new_postgresql(own=own)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def new_database(server: AnyPostgreSQL) -> Iterator[str]:
    """The URL of a fresh, empty database, dropped on leaving if its server still runs."""
    name = f"headwater_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
    parts = urlsplit(server.url)
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(server.url, autocommit=True, connect_timeout=5) as connection,
        ):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql(request: pytest.FixtureRequest) -> AnyPostgreSQL:
    """A PostgreSQL that all tests of a session share; each takes a database of its own from it."""
    return or_skip(lambda: shared(request.config, new_postgresql))


@pytest.fixture
def postgresql_url(postgresql: AnyPostgreSQL) -> Iterator[str]:
    """The URL of an empty database for one test."""
    with new_database(postgresql) as url:
        yield url
