"""Who answers: hosts with their ports, storage accounts, Snowflake accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.naming_rules import Scheme

# Not a list of hosts, nor SQL Server's `host\instance`, whose port isn't the default.
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:,\\]*)(?::(\d{0,5}))?")
_SNOWFLAKE = ".snowflakecomputing.com"
_AWS_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def hosts(scheme: Scheme, authority: str) -> Iterator[tuple[str, str]]:
    """What the rules make of an authority, one after the other: (rule, authority so far)."""
    before, at, said = authority.rpartition("@") if scheme.authority == "container" else ("", "", authority)
    servers = said.lower().split(",") if scheme.set_of_hosts else [said.lower()]
    yield "host-case", f"{before}{at}{','.join(servers)}"
    servers = [_endpoint(scheme, server) for server in servers]
    yield "endpoint", f"{before}{at}{','.join(servers)}"
    servers = [_with_port(scheme, server) for server in servers]
    yield "default-port", f"{before}{at}{','.join(servers)}"
    if scheme.set_of_hosts:
        yield "hosts", ",".join(sorted(set(servers)))


def _with_port(scheme: Scheme, server: str) -> str:
    found = _HOST_AND_PORT.fullmatch(server)
    if scheme.port is None or not found or not found[1]:
        return server
    host, port = found[1], found[2]
    if scheme.port_optional:
        return host if not port or port == str(scheme.port) else server
    return server if port else f"{host}:{scheme.port}"


def _endpoint(scheme: Scheme, server: str) -> str:
    host, colon, port = server.partition(":")
    for pattern, written in scheme.endpoints:
        if found := pattern.fullmatch(host):
            host = found.expand(written)
    return f"{host}{colon}{port}"


def account(authority: str) -> str:
    """A Snowflake account: `org-account`, or locator, region and cloud. The two forms can't be known to be one.

    An organization's name has letters and digits only, an account's name no hyphen: so `_` behind the first `-` is
    what URLs write as `-`. A bare locator is AWS us-west-2; OpenLineage's clients add us-west-1, which Snowflake
    doesn't list, so it can only mean the same. Source: Snowflake's documentation, account identifiers.

    >>> account("MyOrg-My_Account"), account("xy12345.us-west-1")
    ('myorg-my-account', 'xy12345.us-west-2.aws')
    """
    said = authority.lower().partition(":")[0].removesuffix(_SNOWFLAKE).removesuffix(".privatelink")
    if "." not in said:
        if "-" in said:
            return said.replace("_", "-")
        return f"{said}.us-west-2.aws" if re.fullmatch(r"[a-z0-9]+", said) else said
    locator, _, place = said.partition(".")
    region, _, cloud = place.partition(".")
    if not cloud and _AWS_REGION.fullmatch(region):
        cloud = "aws"
    if (region, cloud) == ("us-west-1", "aws"):
        region = "us-west-2"
    return f"{locator}.{region}.{cloud}" if cloud else said
