"""The one way in: nothing is answered before it is kept, and nothing is kept that must not be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from api.migrations import upgrade
from ingest.commit import Appended, Record, Refusal
from ingest.errors import NotStored, Overloaded, Refused
from ingest.intake import CUT_RULE, INLINE_BYTES, Intake, Pressure
from ingest.journal import Backlog, Journal
from ingest.limits import Limits
from lineage.database import open_engine, sqlite_url
from tests.ingest.bad_inputs import event

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    engine = open_engine(sqlite_url(tmp_path / "journal.db"))
    upgrade(engine, "journal")
    opened = Journal(engine)
    yield opened
    opened.close()
    engine.dispose()


@pytest.fixture
def intake(journal: Journal) -> Intake:
    return Intake(journal)


class Away(Journal):
    """A journal whose commits fail."""

    async def append(self, records: Any, refusals: Any = ()) -> list[Appended]:
        raise NotStored("the disk is full")


class Busy(Journal):
    """A journal in which something has waited for a while."""

    waiting = Backlog(0, 0, 0.0)

    @property
    def backlog(self) -> Backlog:
        return self.waiting


def test_a_clean_event_is_kept_byte_for_byte(intake: Intake, journal: Journal) -> None:
    body = json.dumps(event(), indent=1).encode()
    receipt = run(intake.receive(body))
    assert (receipt.position, receipt.duplicate, list(receipt.scrubbed)) == (1, False, [])
    assert journal.read()[0].body == body


def test_a_secret_is_gone_before_the_event_is_kept(intake: Intake, journal: Journal) -> None:
    receipt = run(intake.receive(encoded(event({"/run/facets/x": {"password": "hunter2"}}))))
    (entry,) = journal.read()
    assert receipt.wire()["scrubbed"] == [{"pointer": "/run/facets/x/password", "rule": "name"}]
    assert b"hunter2" not in entry.body
    assert json.loads(entry.scrubbed or b"") == receipt.wire()["scrubbed"]


def test_events_that_differ_only_in_a_secret_are_one(intake: Intake) -> None:
    first = run(intake.receive(encoded(event({"/run/facets/x": {"password": "x1"}}))))
    second = run(intake.receive(encoded(event({"/run/facets/x": {"password": "x2"}}))))
    assert (first.position, second.position, second.duplicate) == (1, 1, True)


def test_a_secret_in_a_name_that_stands_twice_is_not_kept(intake: Intake, journal: Journal) -> None:
    body = encoded(event())[:-1] + b',"z":{"note":"postgres://u:hunter2@h","note":"fine"}}'
    run(intake.receive(body))
    assert b"hunter2" not in journal.read()[0].body


def test_a_secret_spelled_with_escapes_is_found(intake: Intake, journal: Journal) -> None:
    body = encoded(event())[:-1] + b',"z":{"pass\\u0077ord":"hunter2","u":"postgres:\\/\\/a:hunter2@h"}}'
    assert len(run(intake.receive(body)).scrubbed) == 2
    assert b"hunter2" not in journal.read()[0].body


def test_an_odd_event_with_a_secret_keeps_its_oddities(intake: Intake, journal: Journal) -> None:
    body = encoded(event())[:-1] + b',"z":{"password":"x1","n":' + b"1" * 30 + b',"s":"\\ud83d"}}'
    run(intake.receive(body))
    assert b'"z":{"password":"***","n":' + b"1" * 30 + b',"s":"\\ud83d"}' in journal.read()[0].body


def test_a_facet_that_was_cut_stands_in_the_receipt(journal: Journal) -> None:
    intake = Intake(journal, Limits(facet=1_000))
    receipt = run(intake.receive(encoded(event({"/run/facets/large": {"x": "y" * 2_000}}))))
    assert [tuple(change) for change in receipt.scrubbed] == [("/run/facets/large", CUT_RULE)]
    assert b"_sha256" in journal.read()[0].body


def test_a_large_event_is_taken_in_too(intake: Intake, journal: Journal) -> None:
    inputs = [{"namespace": "n", "name": f"d{n}"} for n in range(10_000)]
    body = encoded(event({"/inputs": inputs}))
    assert len(body) > INLINE_BYTES
    assert run(intake.receive(body)).position == 1


def test_what_is_refused_is_kept_with_its_reason(intake: Intake, journal: Journal) -> None:
    with pytest.raises(Refused):
        run(intake.receive(encoded(event({"/job/name": "", "/run/facets/x": {"password": "hunter2"}}))))
    (kept,) = journal.rejections()
    assert (kept.status, kept.errors, kept.whole) == (422, [{"pointer": "/job/name", "reason": "is empty"}], True)
    assert b"hunter2" not in kept.body
    assert journal.head() == 0


def test_only_the_first_mebibyte_of_a_refused_body_is_kept(intake: Intake, journal: Journal) -> None:
    with pytest.raises(Refused):
        run(intake.receive(b"[" + b'"x",' * 500_000))
    (kept,) = journal.rejections()
    assert (len(kept.body), kept.size, kept.whole) == (2**20, 2_000_001, False)
    with pytest.raises(Refused, match="first MiB") as caught:
        run(intake.replay(kept))
    assert caught.value.status == 409


def test_a_refused_event_is_replayed_once_the_rule_is_mended(journal: Journal) -> None:
    with pytest.raises(Refused):
        run(Intake(journal, Limits(identifier=64)).receive(encoded(event({"/job/name": "x" * 65}))))
    (kept,) = journal.rejections()
    receipt = run(Intake(journal).replay(kept))
    assert receipt.position == 1
    assert journal.rejections()[0].replayed_position == 1


def test_a_mended_body_takes_the_place_of_the_refused_one(intake: Intake, journal: Journal) -> None:
    with pytest.raises(Refused):
        run(intake.receive(b"{"))
    (kept,) = journal.rejections()
    with pytest.raises(Refused):
        run(intake.replay(kept))
    assert run(intake.replay(kept, encoded(event()))).position == 1
    assert [one.replayed_position for one in journal.rejections()] == [1]


def test_one_bad_event_spoils_no_other(intake: Intake, journal: Journal) -> None:
    batch = [event(), {"password": "hunter2"}, event({"/eventType": "START"}), 7]
    answer = run(intake.receive_batch(encoded(batch))).wire()
    assert answer["status"] == "partial_success"
    assert (answer["summary"]["received"], answer["summary"]["successful"], answer["summary"]["failed"]) == (4, 2, 2)
    assert [(one["index"], one["retriable"]) for one in answer["failed_events"]] == [(1, False), (3, False)]
    assert [entry.position for entry in journal.read()] == [1, 2]
    assert [kept.body for kept in journal.rejections()] == [b'{"password":"***"}', b"7"]


def test_a_batch_without_a_sound_event_stores_nothing(intake: Intake, journal: Journal) -> None:
    with pytest.raises(Refused) as caught:
        run(intake.receive_batch(b'[1,null,"x",{}]'))
    assert caught.value.status == 422
    assert [error["pointer"] for error in caught.value.errors[:3]] == ["/0", "/1", "/2"]
    assert (journal.head(), len(journal.rejections())) == (0, 4)


def test_an_empty_batch_is_a_success(intake: Intake) -> None:
    assert run(intake.receive_batch(b"[]")).wire()["status"] == "success"


def test_an_event_is_the_same_alone_and_in_a_batch(intake: Intake) -> None:
    run(intake.receive(encoded(event({"/run/facets/x": {"token": "x1", "é": "\u2028"}}))))
    answer = run(intake.receive_batch(encoded([event({"/run/facets/x": {"token": "x1", "é": "\u2028"}})])))
    assert (list(answer.positions), answer.duplicates) == ([1], 1)


def test_secrets_are_found_anywhere_in_a_batch(intake: Intake, journal: Journal) -> None:
    batch = [event({"/run/facets/x": {"n": n}}) for n in range(100)]
    batch[77]["run"]["facets"]["x"]["password"] = "hunter2"
    run(intake.receive_batch(encoded(batch)))
    entries = journal.read()
    assert [entry.position for entry in entries if entry.scrubbed] == [78]
    assert not any(b"hunter2" in entry.body for entry in entries)


@pytest.mark.parametrize("waiting", [Backlog(1, 1, 1.5), Backlog(20_001, 1, 0.0), Backlog(1, 2**30, 0.0)])
def test_what_waits_too_long_or_is_too_much_turns_others_away(journal: Journal, waiting: Backlog) -> None:
    busy = Busy(journal._engine)
    busy.waiting = waiting
    with pytest.raises(Overloaded) as caught:
        run(Intake(busy).receive(encoded(event())))
    assert caught.value.status == 503
    assert caught.value.retry_after in range(1, 11)


def test_a_nearly_full_disk_turns_events_away(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="free"):
        run(Intake(journal, pressure=Pressure(free_bytes=2**62), folder=tmp_path).receive_batch(b"[]"))
    assert (
        run(Intake(journal, pressure=Pressure(free_bytes=1), folder=tmp_path).receive(encoded(event()))).position == 1
    )


def test_an_event_that_is_not_stored_is_not_acknowledged(journal: Journal) -> None:
    intake = Intake(Away(journal._engine))
    with pytest.raises(NotStored):
        run(intake.receive(encoded(event())))
    with pytest.raises(NotStored):
        run(intake.receive_batch(encoded([event()])))
    assert (intake.counts.accepted, intake.counts.unstored) == (0, 2)


def test_a_refusal_is_the_answer_even_if_it_can_not_be_kept(journal: Journal) -> None:
    with pytest.raises(Refused):
        run(Intake(Away(journal._engine)).receive(b"{}"))


def test_everything_that_passed_is_counted(intake: Intake) -> None:
    async def sent() -> None:
        await intake.receive(encoded(event({"/run/facets/x": {"password": "x1"}})))
        await intake.receive(encoded(event({"/run/facets/x": {"password": "x1"}})))
        for bad in (b"{", b"{}", b"{}"):
            with pytest.raises(Refused):
                await intake.receive(bad)

    run(sent())
    counts = intake.counts
    assert (counts.accepted, counts.duplicates, counts.scrubbed, counts.refused) == (1, 1, 2, {400: 1, 422: 2})


def test_a_thread_of_its_own_gets_what_the_journal_takes(intake: Intake, journal: Journal) -> None:
    record, changes = intake.prepared(encoded(event({"/run/facets/x": {"password": "x1"}})))
    assert isinstance(record, Record)
    assert len(changes) == 1
    assert isinstance(intake.refusal(b"{", Refused(400, "no")), Refusal)
    assert journal.append_many([record])[0].position == 1
