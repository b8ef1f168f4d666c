"""What Prometheus reads: how much came in, how fast it was answered, how far the projections are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ingest.intake import Counts

# From a look-up in memory to a trace of the whole graph.
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one running Headwater; nothing is shared between two of them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "headwater_request_seconds",
            "Requests by path and method, from the first byte of the head to the last of the answer.",
            ("method", "path", "status"),
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._groups = Histogram(
            "headwater_group_events",
            "Events that share one commit of the journal.",
            buckets=GROUP_BUCKETS,
            registry=self.registry,
        )
        self._acknowledged = Histogram(
            "headwater_ack_seconds",
            "From an event's arrival at the journal to the end of its commit, for the oldest of each group.",
            buckets=ACK_BUCKETS,
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, int], Any] = {}

    def observe(self, method: str, template: str, status: int, seconds: float) -> None:
        """Counts one answered request. template: of the path, so that the number of series stays small."""
        key = (method, template, status)
        series = self._known.get(key)
        if series is None:
            series = self._known[key] = self._requests.labels(method, template, str(status))
        series.observe(seconds)

    def committed(self, events: int, seconds: float) -> None:
        """Counts one group that the journal committed together, and how long its oldest event waited for it."""
        self._groups.observe(events)
        self._acknowledged.observe(seconds)

    def watch(self, health: Callable[[], dict[str, Any]], counts: Callable[[], Counts]) -> None:
        """Shows positions, lags and counts, read at every scrape."""
        self.registry.register(_Positions(health))
        self.registry.register(_Events(counts))

    def page(self) -> bytes:
        return generate_latest(self.registry)


class _Events(Collector):
    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        counts = self._counts()
        events = CounterMetricFamily(
            "headwater_events", "Events that came in, by what became of them.", labels=["outcome"]
        )
        outcomes = {
            "accepted": counts.accepted,
            "duplicate": counts.duplicates,
            "overloaded": counts.overloaded,
            "not_stored": counts.unstored,
        }
        for outcome, count in outcomes.items():
            events.add_metric([outcome], count)
        rejected = CounterMetricFamily("headwater_rejected", "Bodies and events refused, by status.", labels=["status"])
        for status, count in sorted(counts.refused.items()):
            rejected.add_metric([str(status)], count)
        scrubbed = CounterMetricFamily("headwater_scrubbed_events", "Events that a secret was taken out of.")
        scrubbed.add_metric([], counts.scrubbed)
        return [events, rejected, scrubbed]


class _Positions(Collector):
    def __init__(self, health: Callable[[], dict[str, Any]]) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        health = self._health()
        position = GaugeMetricFamily("headwater_position", "Position in the journal.", labels=["part"])
        lag = GaugeMetricFamily("headwater_lag_events", "Events behind the journal.", labels=["projection"])
        up = GaugeMetricFamily("headwater_up", "1 if the part can be used now.", labels=["part"])
        parts = {"journal": health["journal"], **health["projections"]}
        for name, part in parts.items():
            if part.get("position") is not None:
                position.add_metric([name], part["position"])
            if part.get("lag") is not None:
                lag.add_metric([name], part["lag"])
            up.add_metric([name], 0 if part.get("error") else 1)
        return [position, lag, up]
