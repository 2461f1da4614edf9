"""Whatever a service had said and done since its backup is there again, once, and its numbers go on."""

from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import pytest

from infirmary.identifiers import new_id
from infirmary.postgres.restoring.database import PostgresRestored
from infirmary.postgres.transaction import Transaction, transaction
from infirmary.restoring import readers, reading
from infirmary.restoring.database import CannotRestore
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.restore import Report
from infirmary.tracing.causation import causation_of
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE, Add, Closed, Counted
from tests.integration.restoring.backup import Backup
from tests.integration.restoring.conftest import Service, a_day, count_again, mark, put_back, restoring
from tests.integration.restoring.relaying import LOGS, Relaying

Events, Answers = LOGS


def test_a_database_that_was_set_back_is_as_it_was(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup = a_day(service, relay)
    before = service.state()
    put_back(service, backup)
    assert service.state() != before
    report = restore()
    assert service.state() == before
    assert report.found[Events].kinds == {"Counted": 4}
    assert report.found[Answers].kinds == {"Reply": 4}
    assert service.rows("SELECT count(*) FROM outbox") == [(0,)]  # what waited in the backup was sent since
    service.read_on()
    assert service.state()["told"] == before["told"]
    assert service.outbox() == []
    assert service.held() == []


def test_the_same_backup_is_put_back_a_second_time_and_what_was_done_since_the_first_is_there(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup = a_day(service, relay)
    put_back(service, backup)
    restore()
    service.read_on()
    service.hand(LOG, service.told("a", 4), service.told("d", 1))
    relay.send(service.database)
    before = service.state()
    put_back(service, backup)
    assert restore().found[Events].kinds == {"Counted": 6}
    assert service.state() == before
    service.read_on()
    assert (service.state()["told"], service.outbox()) == (before["told"], [])


def test_numbers_go_on_behind_those_that_the_world_has_seen(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id = uuid4()
    service.hand(COMMANDS, service.asked(Add, saga_id, 1))
    backup = Backup(service.database)
    service.hand(COMMANDS, service.asked(Add, saga_id, 1, attempt=2))
    relay.send(service.database)
    put_back(service, backup)
    restore()
    service.read_on()
    service.hand(COMMANDS, service.asked(Add, saga_id, 1, attempt=3))
    assert [(row.type, row.sequence) for row in service.outbox()] == [("Reply", 3)]
    assert service.numbers(saga_id) == [1]


def test_the_mark_is_gone_and_another_life_of_the_database_begins(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    put_back(service, a_day(service, relay))
    [(life,)] = service.rows("SELECT id FROM incarnation")
    restore()
    [row] = service.rows(
        "SELECT id <> %s, set_back_since, set_back_because, restored_at <= now() FROM incarnation", life
    )
    assert row == (True, None, None, True)
    assert service.rows("SELECT count(*) FROM restore_progress") == [(0,)]


def test_what_a_relay_publishes_before_it_sees_the_mark_is_taken_on(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup = Backup(service.database)
    service.hand(LOG, service.told("a", 1))
    before, under_way = service.state(), service.rows("SELECT target, header, body FROM outbox")
    put_back(service, backup)
    service.database.execute("UPDATE incarnation SET set_back_since = now()")

    def publish_meanwhile(said: str) -> None:
        if "relays see that the database is marked" in said:
            for row in under_way:
                relay.publish(*row)

    restore(publish_meanwhile)
    assert service.state() == before


def test_what_an_event_that_changes_nothing_stood_beside_is_done_again(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup = Backup(service.database)
    service.hand(LOG, service.told("a", 1))
    relay.send(service.database)
    put_back(service, backup)
    by = Restoring(SERVICE)
    by.changes_nothing(Counted, because="another event of the same cause tells the change, and was lost")
    restore(by=by)
    service.read_on()
    assert service.numbers("a") == [1]
    assert [(row.type, row.sequence) for row in service.outbox()] == [("Counted", 2)]


def test_an_end_that_was_said_since_the_backup_is_noted_so_that_it_is_forgotten_in_its_time(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup, closed = Backup(service.database), new_id()
    with transaction(service.database, SERVICE, causation_of(None, None, None), pipelined=False) as tx:
        tx.publish(Closed(closed=closed))
    relay.send(service.database)
    before = service.state()
    assert before["ends"] == [(Events, str(closed), 1)]
    put_back(service, backup)
    restore()
    assert service.state() == before


CUT = {"x_max_length_bytes": 20_000, "x_stream_max_segment_size_bytes": 5_000}


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_log_whose_first_message_was_said_after_the_backup_is_told_to_have_lost_some(
    service: Service, relay: Relaying, restore: Callable[..., Report], *, dry_run: bool
) -> None:
    relay.begin_anew(**CUT)
    backup = Backup(service.database)
    for number in range(200):  # each of a subject of its own: nothing is missing between two
        service.hand(LOG, service.told(f"s{number}", 1))
    relay.send(service.database)
    put_back(service, backup)
    report = restore(dry_run=dry_run)
    found = report.found[Events]
    assert found.gone >= 200 - found.kinds["Counted"] > 0  # the broker's own entries have offsets, too
    assert found.missing == []
    (said,) = report.lost()
    assert f"{Events} begins with its message {found.gone + 1}, which was said after the backup" in said


def test_a_log_that_was_cut_before_the_backup_lacks_nothing(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    relay.begin_anew(**CUT)
    for number in range(200):
        service.hand(LOG, service.told(f"s{number}", 1))
    relay.send(service.database)
    backup = Backup(service.database)
    service.hand(LOG, service.told("a", 1))
    relay.send(service.database)
    put_back(service, backup)
    report = restore()
    assert (report.found[Events].kinds, report.lost()) == ({"Counted": 1}, [])


class Killed(Exception):
    """Stands for a process that ends."""


@pytest.mark.parametrize("after", range(1, 8))
def test_a_restore_that_is_killed_goes_on_where_it_was(
    service: Service, relay: Relaying, restore: Callable[..., Report], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_MESSAGES", 2)
    backup = a_day(service, relay)
    before = service.state()
    put_back(service, backup)
    left = after
    take_on = PostgresRestored.take_on

    def take_on_and_die(self: PostgresRestored, *args: Any) -> Any:
        nonlocal left
        left -= 1
        found = take_on(self, *args)
        if left == 0:
            raise Killed
        return found

    monkeypatch.setattr(PostgresRestored, "take_on", take_on_and_die)
    with pytest.raises(Killed):
        restore()
    report = restore()
    assert service.state() == before
    assert report.found[Events].kinds == {"Counted": 4}  # the batches before it was killed are told of, too
    service.read_on()
    assert service.state()["told"] == before["told"]


def test_nobody_works_on_a_database_whose_restore_was_killed(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> Any:
        raise Killed

    put_back(service, a_day(service, relay))
    service.database.execute("UPDATE incarnation SET set_back_since = NULL, set_back_because = NULL")
    with monkeypatch.context() as patched:
        patched.setattr(PostgresRestored, "finish", die)
        with pytest.raises(Killed):
            restore()
    with closing(PostgresRestored(SERVICE, service.settings, restoring, [LOG, COMMANDS])) as database:
        mark = database.mark()
    assert mark is not None
    assert mark.because == "a restore has begun, and has not come to its end"
    restore()
    assert service.rows("SELECT count(*) FROM incarnation WHERE set_back_since IS NULL") == [(1,)]


def test_a_dry_run_says_the_same_and_changes_nothing(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_MESSAGES", 2)
    put_back(service, a_day(service, relay))
    set_back = service.state()
    said = restore(dry_run=True)
    assert service.state() == set_back
    assert service.rows("SELECT count(*) FROM restore_progress") == [(0,)]
    done = restore()
    assert {log: found.kinds for log, found in said.found.items()} == {
        log: found.kinds for log, found in done.found.items()
    }


def test_what_was_written_before_anybody_noticed_gets_another_number(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id = uuid4()
    first, second = service.asked(Add, saga_id, 1), service.asked(Add, saga_id, 1, attempt=2)
    service.hand(COMMANDS, first)
    backup = Backup(service.database)
    service.hand(COMMANDS, second)
    relay.send(service.database)
    put_back(service, backup)
    service.database.execute("DELETE FROM outbox")  # the backup's own rows were sent
    service.take_over()
    service.positions = {log: service.store.positions.read(log) for log in (LOG, COMMANDS)}
    service.apply(COMMANDS, second)
    assert [row.sequence for row in service.outbox()] == [2]
    service.store.close()
    report = restore()
    assert report.found[Answers].again == 1
    assert [row.sequence for row in service.outbox()] == [3]
    [(header,)] = service.rows("SELECT header FROM outbox")
    assert int.from_bytes(header[-8:], "big") == 3


def test_a_step_whose_answer_was_lost_with_the_database_is_answered_and_not_done_twice(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id, backup = uuid4(), Backup(service.database)
    service.hand(COMMANDS, service.asked(Add, saga_id, 1))
    relay.send(service.database, lost=lambda kind: kind == "Reply")
    put_back(service, backup)
    restore()
    service.read_on()
    assert service.numbers(saga_id) == [1]
    assert service.replies(saga_id) == [("step", 1, "done")]
    assert [row.type for row in service.outbox()] == ["Reply"]


def test_a_step_is_done_anew_where_the_log_lacks_what_it_has_changed(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    saga_id, backup = uuid4(), Backup(service.database)
    service.hand(COMMANDS, service.asked(Add, saga_id, 1))
    relay.send(service.database, lost=lambda kind: kind == "Counted")
    put_back(service, backup)
    restore()
    assert service.numbers(saga_id) == []
    service.read_on()
    assert service.numbers(saga_id) == [1]
    assert [(row.type, row.sequence) for row in service.outbox()] == [("Counted", 1), ("Reply", 2)]


def test_a_function_that_fails_stops_the_restore_until_a_person_leaves_its_message_out(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(event: Counted, tx: Transaction) -> None:
        if event.counted == "c 1":
            raise LookupError("there is no c")
        count_again(event, tx)

    put_back(service, a_day(service, relay))
    monkeypatch.setitem(restoring.events, "Counted", (Counted, fails))
    with pytest.raises(
        CannotRestore, match=r"message 1 of c 1\) cannot be made again: LookupError: there is no c"
    ) as no:
        restore()
    message_id = str(no.value).rpartition(" ")[2]
    restore(left_out=[UUID(message_id)])
    assert service.numbers("c") == []
    assert service.numbers("a") == [1, 2, 3]


def test_a_function_that_publishes_is_found_out(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back(service, a_day(service, relay))
    monkeypatch.setitem(restoring.events, "Counted", (Counted, lambda event, tx: tx.publish(event)))
    with pytest.raises(CannotRestore, match="publishes; what it restores from was said already"):
        restore()


def test_nobody_restores_under_a_consumer_that_goes_on(
    service: Service, relay: Relaying, restore: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "READERS_LET_GO_WITHIN_S", 0.0)
    mark(service)
    with pytest.raises(CannotRestore, match=rf"still reads {COMMANDS}, {LOG}; stop it"):
        restore()
    service.store.close()
    restore()
