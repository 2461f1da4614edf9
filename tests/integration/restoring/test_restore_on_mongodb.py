"""Whatever a service with MongoDB had said since its backup is there again, once, and nothing is said twice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from infirmary.identifiers import new_id
from infirmary.mongo.restoring.database import MongoRestored
from infirmary.process_roles import Process
from infirmary.restoring import readers, reading
from infirmary.restoring.database import CannotRestore
from infirmary.restoring.restore import Report, Restore
from tests.integration.consumer.interruptions import Killed, interrupted
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE, UNLUCKY, Add, Counted, Faults, TakeAway
from tests.integration.mongodb_rights import MongoAs
from tests.integration.reading import connected
from tests.integration.restoring.on_mongodb import Dump, Service, count_again, restoring
from tests.integration.restoring.relaying import LOGS, Relaying

Events, Answers = LOGS


@pytest.fixture
def service(mongodb_as: MongoAs) -> Iterator[Service]:
    service = Service(mongodb_as(f"restored_{new_id().hex}", Process.CONSUMER), Faults())
    yield service
    service.close()


@pytest.fixture
def relay(rabbitmq_url: str) -> Iterator[Relaying]:
    relay = Relaying(rabbitmq_url)
    yield relay
    relay.close()


@pytest.fixture
def restore(service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int) -> Iterator[Callable[..., Report]]:
    broker = connected(rabbitmq_url, stream_port)

    def run(*, dry_run: bool = False, left_out: Sequence[UUID] = ()) -> Report:
        database = MongoRestored(SERVICE, service.settings, restoring, [LOG, COMMANDS])
        try:
            work = Restore(list(LOGS), broker, database, print)
            return work.look() if dry_run else work.run(left_out)
        finally:
            database.close()

    yield run
    broker.close()


def a_day(service: Service, relay: Relaying) -> Dump:
    """Lets much happen, and makes a backup in the middle of it."""
    first, second, third = new_id(), new_id(), new_id()
    service.hand(LOG, service.told("a", 1), service.told("b", 1))
    service.hand(COMMANDS, service.asked(Add, first, 1))
    service.send(relay)
    service.hand(LOG, service.told("a", 2))
    dump = Dump(service.database)
    service.hand(COMMANDS, service.asked(TakeAway, first, 1), service.asked(Add, second, 2))
    service.hand(LOG, service.told("a", 3), service.told("c", 1))
    service.hand(COMMANDS, service.asked(Add, second, 2, attempt=2), service.asked(Add, third, UNLUCKY))
    service.send(relay)
    return dump


def test_a_database_that_was_set_back_is_as_it_was(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    dump = a_day(service, relay)
    before = service.state()
    service.put_back(dump)
    assert service.state() != before
    report = restore()
    assert service.state() == before
    assert report.found[Events].kinds == {"Counted": 4}
    assert report.found[Answers].kinds == {"Reply": 4}
    assert service.outbox() == []  # what waited in the backup was sent since
    assert service.documents.count_documents({"outbox_since": {"$exists": True}}) == 0
    service.read_on()
    assert service.state() == before
    assert service.outbox() == []
    assert service.held() == []


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_log_whose_first_message_was_said_after_the_backup_is_told_to_have_lost_some(
    service: Service, relay: Relaying, restore: Callable[..., Report], *, dry_run: bool
) -> None:
    relay.begin_anew(x_max_length_bytes=20_000, x_stream_max_segment_size_bytes=5_000)
    backup = Dump(service.database)
    for number in range(200):
        service.hand(LOG, service.told(f"s{number}", 1))
    service.send(relay)
    service.put_back(backup)
    events = restore(dry_run=dry_run).found[LOGS[0]]
    assert events.gone >= 200 - events.kinds["Counted"] > 0


def test_the_same_backup_is_put_back_a_second_time_and_what_was_done_since_the_first_is_there(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup = a_day(service, relay)
    service.put_back(backup)
    restore()
    service.read_on()
    service.hand(LOG, service.told("a", 4), service.told("d", 1))
    service.send(relay)
    before = service.state()
    service.put_back(backup)
    restore()
    assert service.state() == before
    service.read_on()
    assert (service.state(), service.outbox()) == (before, [])


def test_the_mark_is_gone_and_another_life_of_the_database_begins(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    service.put_back(a_day(service, relay))
    own = service.database["database_identity"]
    [life] = own.find({"_id": "incarnation"})
    restore()
    [after] = own.find({"_id": "incarnation"})
    assert after["id"] != life["id"]
    assert (after["set_back_since"], after["set_back_because"]) == (None, None)
    assert after["restored_at"] is not None
    assert service.database["restore_progress"].count_documents({}) == 0


def test_a_dry_run_says_the_same_and_changes_nothing(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    service.put_back(a_day(service, relay))
    set_back = Dump(service.database).collections
    said = restore(dry_run=True)
    assert Dump(service.database).collections == set_back
    assert {log: found.kinds for log, found in said.found.items()} == {
        log: found.kinds for log, found in restore().found.items()
    }


def test_nothing_is_said_to_be_lacking_once_it_was_restored(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    dump = Dump(service.database)
    service.hand(COMMANDS, service.asked(Add, new_id(), 1))
    service.send(relay)
    service.put_back(dump)
    assert {kind for found in restore().found.values() for kind in found.kinds} == {"Counted", "Reply"}
    assert [found.kinds for found in restore(dry_run=True).found.values() if found.kinds] == []


def killed() -> None:
    raise Killed


def test_a_restore_that_is_killed_before_any_write_goes_on_where_it_was(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_MESSAGES", 2)
    dump, progress = a_day(service, relay), service.database["restore_progress"]
    before = service.state()
    for write in count(1):
        service.put_back(dump)
        was_killed = False
        with interrupted(write, killed):
            try:
                restore()
            except Killed:
                was_killed = True
        is_over = service.state() == before and progress.count_documents({}) == 0
        if was_killed:
            report = restore()
            if not is_over:  # the batches before it was killed are told of, too, and the one in which it was
                assert [report.found[log].kinds for log in LOGS] == [{"Counted": 4}, {"Reply": 4}]
        assert service.state() == before
        assert service.outbox() == []
        if not was_killed:
            assert write > 20, "there were as many writes to be interrupted"
            break
    service.read_on()
    assert service.state() == before


def test_a_step_whose_answer_was_lost_with_the_database_is_answered_and_not_done_twice(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id, dump = new_id(), Dump(service.database)
    service.hand(COMMANDS, service.asked(Add, saga_id, 1))
    service.send(relay, lost=lambda kind: kind == "Reply")
    service.put_back(dump)
    restore()
    service.read_on()
    assert service.numbers(saga_id) == [1]
    assert service.replies(saga_id) == [("step", 1, "done")]
    assert [row.type for row in service.outbox()] == ["Reply"]
    service.begin_again()
    service.take(service.asked(Add, saga_id, 1, attempt=2))
    assert service.replies(saga_id) == [("step", 1, "done"), ("step", 2, "done")]
    assert service.numbers(saga_id) == [1]


def test_a_step_is_done_anew_where_the_log_lacks_what_it_has_changed_and_answered_with_the_next_number(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id, dump = new_id(), Dump(service.database)
    service.hand(COMMANDS, service.asked(Add, saga_id, 1))
    service.send(relay, lost=lambda kind: kind == "Counted")
    service.put_back(dump)
    restore()
    assert service.numbers(saga_id) == []
    service.read_on()
    assert service.numbers(saga_id) == [1]
    assert sorted((row.type, row.sequence) for row in service.outbox()) == [("Counted", 1), ("Reply", 2)]
    assert [found.kinds for found in restore(dry_run=True).found.values() if found.kinds] == []


def test_what_was_written_before_anybody_noticed_is_as_the_log_has_it_or_gets_another_number(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id, dump = new_id(), Dump(service.database)
    first, told = service.asked(Add, saga_id, 1), service.told("a", 1)
    service.hand(LOG, told)
    service.hand(COMMANDS, first)
    service.send(relay)
    service.put_back(dump)
    service.begin_again()
    service.read(told)
    fields = {"saga_id": saga_id, "attempt": 1, "reply_to": "admission"}
    for number, step in ((1, "another"), (2, "a third")):
        command = Add.model_validate({**fields, "step": step, "number": number})
        service.take(service.delivery(command, str(saga_id), number, source="admission"))
    assert {row.sequence for row in service.outbox() if row.type == "Reply"} == {1, 2}
    service.store.close()
    report = restore()
    assert report.found[Answers].again == 2
    assert service.replies(saga_id) == [("another", 1, "done"), ("a third", 1, "done")]
    assert [row.sequence for row in service.outbox() if row.type == "Reply"] == [3, 4]
    headers = [row["header"] for each in service.documents.find() for row in each.get("outbox", ())]
    assert {int.from_bytes(header[-8:], "big") for header in headers} >= {3, 4}
    assert service.numbers("a") == [1]


def test_an_event_that_fails_stops_it_with_its_place_until_it_is_left_out(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(event: Counted, tx: Any) -> None:
        if event.counted == "c 1":
            raise LookupError("there is no c")
        count_again(event, tx)

    service.put_back(a_day(service, relay))
    monkeypatch.setitem(restoring.events, "Counted", (Counted, fails))
    with pytest.raises(
        CannotRestore, match=r"message 1 of c 1\) cannot be made again: LookupError: there is no c"
    ) as no:
        restore()
    restore(left_out=[UUID(str(no.value).rpartition(" ")[2])])
    assert service.numbers("c") == []
    assert sorted(service.numbers("a")) == [1, 2, 3]


def test_nobody_restores_under_a_consumer_that_goes_on(
    service: Service, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "READERS_LET_GO_WITHIN_S", 0.0)
    service.mark()
    with pytest.raises(CannotRestore, match=rf"still reads {COMMANDS}, {LOG}; stop it"):
        restore()
    service.store.close()
    restore()


def test_a_restore_that_was_overtaken_by_a_consumer_stops(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.put_back(a_day(service, relay))

    def begin(self: MongoRestored) -> None:
        begin_as_ever(self)
        service.end_readers()
        service.take_over()

    begin_as_ever = MongoRestored.begin
    monkeypatch.setattr(MongoRestored, "begin", begin)
    with pytest.raises(CannotRestore, match="has begun: of the logs"):
        restore()


def test_a_database_that_was_emptied_by_hand_can_be_marked(service: Service) -> None:
    service.database["database_identity"].delete_many({})
    with closing(MongoRestored(SERVICE, service.settings, restoring, [LOG, COMMANDS])) as database:
        database.mark_set_back("a test")
        mark = database.mark()
    assert mark is not None
    assert mark.because == "a test"
