"""What expired unread is lost until somebody who began after it was written has told everything again."""

from datetime import UTC, datetime, timedelta

import pytest

from infirmary.consumer.loss import Loss, words_of
from infirmary.identifiers import new_id
from infirmary.transport.envelope import Incoming

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOSS = Loss(250, AT)


def last_word(began: object, state: int | None = 0) -> Incoming:
    body = b"%b" % (b'{"began_at": "' + began.isoformat().encode() + b'"}' if isinstance(began, datetime) else b"[1")
    return Incoming(new_id(), "ward", "StateTold", "x", 1, None, None, None, body, state=state)


@pytest.mark.parametrize(("began_s", "settles"), [(-1, False), (0, True), (3600, True)])
def test_only_who_began_after_what_is_lost_was_written_has_told_it(began_s: float, settles: bool) -> None:
    assert LOSS.is_settled_by(last_word(AT + timedelta(seconds=began_s))) is settles


def test_no_other_message_settles_a_loss() -> None:
    assert not LOSS.is_settled_by(last_word(AT, state=1))
    assert not LOSS.is_settled_by(last_word(AT, state=None))
    assert not LOSS.is_settled_by(last_word("rubbish"))


def test_two_losses_are_one_that_ends_with_the_later() -> None:
    later = AT + timedelta(days=1)
    assert LOSS.and_then(Loss(50, later)) == Loss(50, later).and_then(LOSS) == Loss(300, later)


def test_the_words_name_the_log_what_mends_it_and_what_goes_on_without_it() -> None:
    told = words_of({"ward.events": LOSS}, "billing") or ""
    for part in (
        "ward.events",
        "250",
        "2026-11-26 12:00",
        "`republish` at ward",
        "`losses settle ward.events` at billing",
    ):
        assert part in told
    assert words_of({}, "billing") is None
