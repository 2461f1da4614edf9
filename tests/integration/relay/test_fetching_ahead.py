"""While PostgreSQL looks for the next rows the relay does something else, and hears the answer whatever came before."""

import select
from uuid import uuid4

import psycopg

from infirmary_relay.sources.postgres import PostgresSource
from infirmary_relay.sources.source import HeldBack
from tests.integration.relay.outboxes import Message, PostgresOutbox

ROWS = 5


def source_of(outbox: PostgresOutbox) -> PostgresSource:
    source = PostgresSource(
        outbox.url,
        service="ward",
        relay_id=uuid4(),
        poll_s=0.1,
        batch_rows=ROWS,
        batch_bytes=1 << 20,
        message_max_bytes=1 << 20,
    )
    source.heartbeat(0.0)
    return source


def written(outbox: PostgresOutbox, count: int) -> None:
    outbox.write([Message("ward.events", f"s{number}", 1, b"{}") for number in range(count)])


def keys(outbox: PostgresOutbox) -> list[int]:
    return [row_id for (row_id,) in outbox.session.execute("SELECT id FROM outbox ORDER BY id")]


def test_rows_asked_for_ahead_are_those_that_a_fetch_would_have_given(postgres_outbox: PostgresOutbox) -> None:
    written(postgres_outbox, 12)
    all_keys = keys(postgres_outbox)
    source = source_of(postgres_outbox)
    found: list[object] = []
    while batch := source.fetch(HeldBack(), ROWS):
        source.ask(HeldBack(), ROWS)
        found += [row[0] for row in batch]
        source.settle([row[0] for row in batch], [])
    assert found == all_keys
    source.flush()
    assert keys(postgres_outbox) == []
    source.close()


def test_an_answer_that_came_with_a_nudge_is_heard(postgres_outbox: PostgresOutbox) -> None:
    """The nudge is read from the socket, and the answer with it: nothing more comes that one could wait for."""
    written(postgres_outbox, 2 * ROWS)
    source = source_of(postgres_outbox)
    first = source.fetch(HeldBack(), ROWS)
    source.ask(HeldBack(), ROWS)
    with psycopg.connect(postgres_outbox.url, autocommit=True) as writer:
        writer.execute("NOTIFY outbox")

    for _ in range(2):
        select.select([source.fileno()], [], [], 1.0)
        source.drain_notifications()
    second = source.fetch(HeldBack(), ROWS)
    assert [row[0] for row in first + second] == keys(postgres_outbox)
    assert source.is_nudged, "what nudged after the question need not be in the answer"
    source.close()


def test_what_is_held_back_meanwhile_or_kept_is_asked_for_anew(postgres_outbox: PostgresOutbox) -> None:
    written(postgres_outbox, 3 * ROWS)
    all_keys = keys(postgres_outbox)
    source = source_of(postgres_outbox)
    first = [row[0] for row in source.fetch(HeldBack(), ROWS)]
    source.ask(HeldBack(), ROWS)
    source.settle([], first[:1])
    again = [row[0] for row in source.fetch(HeldBack(), ROWS)]
    assert again == [first[0], *all_keys[ROWS : 2 * ROWS - 1]], "the one that was kept comes first"
    source.ask(HeldBack(), ROWS)
    held_back = HeldBack(subjects=frozenset({"s9", "s10"}))
    rest = [row[0] for row in source.fetch(held_back, ROWS)]
    assert rest == all_keys[11 : 11 + 4], "those that are held back are left out"
    source.close()


def test_a_heartbeat_in_between_takes_nothing_from_the_answer(postgres_outbox: PostgresOutbox) -> None:
    written(postgres_outbox, 2 * ROWS)
    source = source_of(postgres_outbox)
    source.fetch(HeldBack(), ROWS)
    source.ask(HeldBack(), ROWS)
    source.heartbeat(100.0)
    assert source.backlog(HeldBack()) is not None
    assert [row[0] for row in source.fetch(HeldBack(), ROWS)] == keys(postgres_outbox)[ROWS:]
    source.close()
