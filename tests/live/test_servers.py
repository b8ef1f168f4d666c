"""The servers that live tests run against: found or started, and never missing in silence."""

from __future__ import annotations

import psycopg
import pytest
from neo4j import GraphDatabase

from tests.servers import (
    FoundNeo4j,
    FoundPostgreSQL,
    Unavailable,
    free_port,
    neo4j_jars,
    new_database,
    new_neo4j,
    new_postgresql,
    or_skip,
    running_postgresql,
)


def missing() -> None:
    raise Unavailable("no server here; install one with this line")


@pytest.mark.parametrize("value", ["true", "1"])
def test_a_missing_server_fails_the_test_in_ci(monkeypatch, value):
    monkeypatch.setenv("CI", value)

    with pytest.raises(pytest.fail.Exception, match="install one with this line"):
        or_skip(missing)


def test_a_missing_server_skips_the_test_on_a_laptop_with_the_line_that_helps(monkeypatch):
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="install one with this line"):
        or_skip(missing)


def test_without_java_the_reason_names_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Unavailable, match="apt install openjdk-17-jre-headless maven"):
        neo4j_jars()


def test_a_named_server_is_used_and_never_killed(monkeypatch):
    monkeypatch.setenv("NEO4J_URI", "bolt://db.example:7687")
    monkeypatch.setenv("POSTGRES_URL", "postgresql://db.example/postgres")

    for server in (new_neo4j(), new_postgresql()):
        assert isinstance(server, FoundNeo4j | FoundPostgreSQL)
        assert not server.can_restart


def test_a_named_server_that_does_not_answer_says_so():
    port = free_port()

    with pytest.raises(Unavailable, match="does not answer"):
        FoundNeo4j(f"bolt://127.0.0.1:{port}").start()
    with pytest.raises(Unavailable, match="does not answer"):
        FoundPostgreSQL(f"postgresql://postgres@127.0.0.1:{port}/postgres").start()


@pytest.mark.live
def test_a_named_neo4j_that_holds_something_is_left_alone(neo4j):
    with GraphDatabase.driver(neo4j.uri, auth=neo4j.auth) as driver:
        ours = driver.execute_query("MATCH (t:_HeadwaterTests) DETACH DELETE t RETURN count(t) AS n").records[0]["n"]
        driver.execute_query("CREATE (:Precious)")
        try:
            with pytest.raises(Unavailable, match="not empty"):
                FoundNeo4j(neo4j.uri).start()
        finally:
            driver.execute_query("MATCH (p:Precious) DELETE p")
            if ours:
                driver.execute_query("MERGE (:_HeadwaterTests)")


@pytest.mark.live
def test_postgresql_keeps_what_was_committed_through_a_crash():
    context = running_postgresql(own=True)
    server = or_skip(context.__enter__)
    try:
        with new_database(server) as url:
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
            server.crash()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url)
            server.start()
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]
    finally:
        context.__exit__(None, None, None)
    assert not server.home.exists()
