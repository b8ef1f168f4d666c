"""Realistic OpenLineage RunEvents, START and COMPLETE of a run, each distinct, rendered in microseconds.

A layered DAG of datasets: layer 0 has sources, job i of layer l writes dataset (l, i) and reads two, one of layer l-1
and one of layer l-2, both at most `spread` places aside. Even jobs look like Airflow tasks, odd ones like dbt models.
Every event has schemas, column lineage, data sources, SQL, job type, nominal time and parent. With 12 columns it has
10.8 KB, with 3 it has 5.6 KB. What differs from run to run (run id, parent run id, times) is put into a template.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import orjson

OL = "https://openlineage.io/spec"
TYPES = ("BIGINT", "VARCHAR(255)", "TIMESTAMP", "NUMERIC(18,2)", "BOOLEAN", "DATE")
WORDS = (
    "customer", "order", "payment", "session", "product", "invoice", "shipment", "refund",
    "event", "account", "campaign", "click", "stock", "price", "region", "ticket",
)  # fmt: skip
AIRFLOW = "https://github.com/apache/airflow/tree/providers-openlineage/2.1.0"
DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.33.0/integration/dbt"
RUN_ID, PARENT_ID = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
EVENT_TIME = "1970-01-01T00:00:00.000Z"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)

SMALL_COLUMNS, FULL_COLUMNS = 3, 12  # 5.6 KB and 10.8 KB an event

Template = tuple[bytes, ...]  # pieces between event time, run id and parent run id, in that order


@dataclass(frozen=True)
class World:
    """The jobs of a small company. namespace: of its jobs, and of its datasets as postgres://NAMESPACE-warehouse:5432."""

    jobs: int
    columns: int = SMALL_COLUMNS
    layers: int = 20
    spread: int = 3
    namespace: str = "bench"
    seed: int = 42

    @property
    def width(self) -> int:
        return max(1, math.ceil(self.jobs / self.layers))

    @property
    def datasets_namespace(self) -> str:
        return f"postgres://{self.namespace}-warehouse:5432"

    def dataset_name(self, layer: int, at: int) -> str:
        word = WORDS[(at * 7 + layer * 3) % len(WORDS)]
        return f"analytics.{'raw' if layer == 0 else f'layer{layer:02d}'}.{word}_{layer:02d}_{at:05d}"

    @property
    def middle(self) -> str:
        """Id of a dataset with as much before it as after it."""
        return f"dataset:{self.datasets_namespace}:{self.dataset_name(self.layers // 2, self.width // 2)}"

    @property
    def source(self) -> str:
        """Id of a dataset that no job writes."""
        return f"dataset:{self.datasets_namespace}:{self.dataset_name(0, self.width // 2)}"

    @cached_property
    def templates(self) -> list[tuple[Template, Template]]:
        """START and COMPLETE of each job."""
        rng = random.Random(self.seed)
        return [self._template(number, rng) for number in range(self.jobs)]

    def event(self, number: int) -> bytes:
        """Event `number` of a stream without end: jobs take turns, START before COMPLETE, all ids and times differ."""
        run, step = divmod(number, 2)
        pieces = self.templates[run % self.jobs][step]
        moment = STARTED + timedelta(seconds=number)
        time = f"{moment:%Y-%m-%dT%H:%M:%S}.000Z".encode()
        parent = b"00000000-0000-4000-9000-%012x" % (run // 20)
        a, b, c, d = pieces
        return b"".join((a, time, b, b"00000000-0000-4000-8000-%012x" % (run + 16), c, parent, d))

    def events(self, first: int, count: int) -> Iterator[bytes]:
        return (self.event(number) for number in range(first, first + count))

    def _template(self, number: int, rng: random.Random) -> tuple[Template, Template]:
        layer, at = 1 + number // self.width, number % self.width
        near = [(at + rng.randint(-self.spread, self.spread)) % self.width for _ in range(2)]
        one, other = (layer - 1, near[0]), (max(0, layer - 2), near[1])
        if one == other:
            other = (other[0], (other[1] + 1) % self.width)
        body = self._event(number, (layer, at), one, other)
        start, complete = (
            _pieces({"eventType": kind, "eventTime": EVENT_TIME, **body}) for kind in ("START", "COMPLETE")
        )
        return start, complete

    def _event(self, number: int, out: tuple[int, int], one: tuple[int, int], other: tuple[int, int]) -> dict[str, Any]:
        airflow = number % 2 == 0
        producer = AIRFLOW if airflow else DBT
        dag = f"dag_{number // 20:04d}" if airflow else f"dbt-run-analytics_{number // 200:03d}"
        model = self.dataset_name(*out).rsplit(".", 1)[-1]
        name = (
            f"{dag}.build_{WORDS[out[1] % len(WORDS)]}_{number:05d}" if airflow else f"analytics.dbt.model.shop.{model}"
        )
        output = self._dataset(out, producer)
        fields = self._column_lineage(out, one, other)
        output["facets"]["columnLineage"] = _facet(producer, "1-2-0/ColumnLineageDatasetFacet", fields=fields)
        day = "2026-01-01T00:00:00.000Z"
        job_type = {"processingType": "BATCH", "integration": "AIRFLOW" if airflow else "DBT"}
        return {
            "run": {
                "runId": RUN_ID,
                "facets": {
                    "nominalTime": _facet(
                        producer, "1-0-1/NominalTimeRunFacet", nominalStartTime=day, nominalEndTime=day
                    ),
                    "parent": _facet(
                        producer,
                        "1-1-0/ParentRunFacet",
                        run={"runId": PARENT_ID},
                        job={"namespace": self.namespace, "name": dag},
                    ),
                },
            },
            "job": {
                "namespace": self.namespace,
                "name": name,
                "facets": {
                    "sql": _facet(producer, "1-0-1/SQLJobFacet", query=self._sql(out, one, other)),
                    "jobType": _facet(
                        producer, "2-0-3/JobTypeJobFacet", **job_type, jobType="TASK" if airflow else "MODEL"
                    ),
                },
            },
            "inputs": [self._dataset(one, producer), self._dataset(other, producer)],
            "outputs": [output],
            "producer": producer,
            "schemaURL": f"{OL}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }

    def column(self, at: int, number: int) -> str:
        return f"{WORDS[(at + number) % len(WORDS)]}_{'id' if number == 0 else 'c'}{number:02d}"

    def _dataset(self, place: tuple[int, int], producer: str) -> dict[str, Any]:
        layer, at = place
        fields = [
            {
                "name": self.column(at, n),
                "type": TYPES[(n + layer) % len(TYPES)],
                "description": f"column {n} of layer {layer}",
            }
            for n in range(self.columns)
        ]
        address = self.datasets_namespace
        return {
            "namespace": address,
            "name": self.dataset_name(layer, at),
            "facets": {
                "schema": _facet(producer, "1-1-1/SchemaDatasetFacet", fields=fields),
                "dataSource": _facet(
                    producer, "1-0-1/DatasourceDatasetFacet", name=address, uri=f"{address}/analytics"
                ),
            },
        }

    def _column_lineage(self, out: tuple[int, int], one: tuple[int, int], other: tuple[int, int]) -> dict[str, Any]:
        """Every column comes from one of the first input; every third also from one of the second."""
        lineage = {}
        for n in range(self.columns):
            subtype = "IDENTITY" if n % 3 else "TRANSFORMATION"
            inputs = [self._origin(one, n, subtype, "")]
            if n % 3 == 0:
                inputs.append(self._origin(other, (n + 1) % self.columns, "TRANSFORMATION", "coalesce"))
            lineage[self.column(out[1], n)] = {"inputFields": inputs}
        return lineage

    def _origin(self, place: tuple[int, int], number: int, subtype: str, description: str) -> dict[str, Any]:
        step = {"type": "DIRECT", "subtype": subtype, "description": description, "masking": False}
        return {
            "namespace": self.datasets_namespace,
            "name": self.dataset_name(*place),
            "field": self.column(place[1], number),
            "transformations": [step],
        }

    def _sql(self, out: tuple[int, int], one: tuple[int, int], other: tuple[int, int]) -> str:
        targets = [self.column(out[1], n) for n in range(self.columns)]
        sources = []
        for n, target in enumerate(targets):
            plain = f"a.{self.column(one[1], n)}"
            second = f"b.{self.column(other[1], (n + 1) % self.columns)}"
            sources.append(f"{plain} as {target}" if n % 3 else f"coalesce({plain}, {second}) as {target}")
        return (
            f"insert into {self.dataset_name(*out)} ({', '.join(targets)}) select {', '.join(sources)}"
            f" from {self.dataset_name(*one)} a join {self.dataset_name(*other)} b"
            f" on a.{self.column(one[1], 0)} = b.{self.column(other[1], 0)}"
        )


def _facet(producer: str, schema: str, **content: Any) -> dict[str, Any]:
    return {"_producer": producer, "_schemaURL": f"{OL}/facets/{schema}.json#/$defs/{schema.split('/')[1]}", **content}


def _pieces(event: dict[str, Any]) -> Template:
    before, rest = orjson.dumps(event).split(EVENT_TIME.encode(), 1)
    second, rest = rest.split(RUN_ID.encode(), 1)
    third, last = rest.split(PARENT_ID.encode(), 1)
    return before, second, third, last
