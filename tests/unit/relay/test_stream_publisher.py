"""What the broker says of a message, in whatever order and parts, is what the publisher tells of it."""

import pytest

from infirmary_relay.streams import publisher
from infirmary_streams import codes
from infirmary_streams.commands import Endpoint
from tests.unit.relay.scripted_link import ONE, TWO, Leaders, Link, opened, rows, settled
from tests.unit.relay.stream_frames import confirms, declared, errors, metadata_update
from tests.unit.relay.test_stream_encoder import message


@pytest.fixture
def leaders(monkeypatch: pytest.MonkeyPatch) -> Leaders:
    monkeypatch.setattr(publisher, "Link", Link)
    return Leaders()


def test_a_publisher_is_declared_and_used_at_once_without_a_reference(leaders: Leaders) -> None:
    publishing = opened(leaders)
    assert publishing.publish(rows(1, 2)) == []
    publishing.publish(rows(3))
    [link] = leaders.links
    [(publisher_id, reference, stream)] = link.declared
    assert (reference, stream) == ("", "log")
    assert [each["command"] for each in link.written] == ["declare publisher", "publish", "publish"]
    assert link.published == [(publisher_id, [1, 2]), (publisher_id, [3])]
    assert publishing.in_flight() == rows(1, 2, 3)


def test_confirms_come_in_parts_and_in_any_order(leaders: Leaders) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1, 2, 3))
    publishing.publish(rows(4, 5))
    [link] = leaders.links
    own = link.declared[0][0]
    link.says += [declared(link.written[0]["correlation"]), confirms(own, [5, 2])]
    assert settled(publishing) == []
    link.says += [confirms(own, [3]), confirms(own, [4])]
    assert settled(publishing) == [([4, 5], [], [])]
    assert not publishing.has_room(1)
    link.says.append(confirms(own, [1]))
    assert settled(publishing) == [([1, 2, 3], [], [])]
    assert publishing.has_room(1)


def test_a_log_that_may_not_be_written_returns_its_messages_and_no_others(leaders: Leaders) -> None:
    publishing = opened(leaders)
    publishing.known_targets |= {"log", "other"}
    publishing.publish(rows(1) + rows(2, target="other"))
    [link] = leaders.links
    log, other = link.id_of("log"), link.id_of("other")
    link.says += [
        link.answer("log", codes.NO_SUCH_STREAM),
        errors(log, {1: codes.NO_SUCH_PUBLISHER}),
        confirms(other, [2]),
    ]
    [window] = publishing.settled()
    assert window.receipts() == ([2], rows(1), [])
    assert window.wrong == {"log": "it cannot be written: stream does not exist"}
    assert publishing.known_targets == {"other"}
    publishing.publish(rows(3))
    assert link.declared[2][0] not in (log, other)
    assert link.published[-1] == (link.declared[2][0], [3])


def test_a_message_that_is_refused_is_refused_alone_and_nothing_is_sent_behind_it(leaders: Leaders) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1, 2))
    [link] = leaders.links
    own = link.declared[0][0]
    link.says.append(errors(own, {1: codes.ACCESS_REFUSED}))
    assert settled(publishing) == []
    assert not publishing.has_room(9)
    link.says.append(confirms(own, [2]))
    assert settled(publishing) == [([2], [], rows(1))]
    assert publishing.has_room(1)


@pytest.mark.parametrize("code", [codes.NO_SUCH_PUBLISHER, codes.NO_SUCH_STREAM, codes.STREAM_NOT_AVAILABLE])
def test_an_error_that_says_that_the_log_is_away_returns_all_that_goes_there(leaders: Leaders, code: int) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1, 2, 3))
    [link] = leaders.links
    own = link.declared[0][0]
    link.says += [confirms(own, [1]), errors(own, {2: code, 3: code})]
    assert settled(publishing) == [([1], rows(2, 3), [])]


def test_what_is_said_of_a_publisher_that_has_ended_is_passed_over(leaders: Leaders) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1, 2))
    [link] = leaders.links
    old = link.declared[0][0]
    link.says += [metadata_update("log"), confirms(old, [1]), errors(old, {2: codes.ACCESS_REFUSED})]
    assert settled(publishing) == [([], rows(1, 2), [])]
    publishing.publish(rows(1, 2))
    new = link.declared[1][0]
    link.says += [confirms(old, [3]), confirms(new, [4])]
    assert settled(publishing) == []
    link.says.append(confirms(new, [3]))
    assert settled(publishing) == [([1, 2], [], [])]


def test_an_update_of_a_log_to_which_nothing_is_published_here_changes_nothing(leaders: Leaders) -> None:
    publishing = opened(leaders)
    leaders.leader |= {"log": ONE, "other": TWO}
    publishing.publish(rows(1) + rows(2, target="other"))
    one, two = leaders.links
    one.says.append(metadata_update("other"))
    two.says.append(metadata_update("log"))
    one.says.append(metadata_update("strange"))
    assert settled(publishing) == []
    assert publishing.has_room(2)


def test_an_answer_to_the_declaration_of_a_publisher_that_has_ended_ends_no_other_log(leaders: Leaders) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1) + rows(2, target="other"))
    [link] = leaders.links
    link.says += [metadata_update("log"), link.answer("log", codes.NO_SUCH_STREAM)]
    link.says += [declared(9_999_999, codes.NO_SUCH_STREAM), confirms(link.id_of("other"), [2])]
    assert settled(publishing) == [([2], rows(1), [])]


def test_each_log_is_published_to_on_the_connection_to_its_leader(leaders: Leaders) -> None:
    publishing = opened(leaders)
    leaders.leader |= {"log": TWO, "other": ONE, "third": TWO}
    publishing.publish(rows(1) + rows(2, target="other") + rows(3, target="third"))
    one, two = leaders.links
    assert [stream for _, _, stream in one.declared] == ["other"]
    assert sorted(stream for _, _, stream in two.declared) == ["log", "third"]
    assert publishing.waiting == ([10, 20], [])
    two.has_unwritten = True
    assert publishing.waiting == ([10, 20], [20])
    assert not publishing.has_room(9)


def test_ids_of_two_connections_are_not_mixed_up(leaders: Leaders) -> None:
    publishing = opened(leaders)
    leaders.leader |= {"log": ONE, "other": TWO}
    publishing.publish(rows(1) + rows(2, target="other"))
    one, two = leaders.links
    assert one.declared[0][0] == two.declared[0][0]
    two.says.append(metadata_update("other"))
    one.says.append(confirms(one.declared[0][0], [1]))
    assert settled(publishing) == [([1], rows(2, target="other"), [])]


def test_a_log_follows_its_leader(leaders: Leaders) -> None:
    publishing = opened(leaders)
    leaders.leader["log"] = ONE
    publishing.publish(rows(1))
    leaders.links[0].says.append(metadata_update("log"))
    settled(publishing)
    leaders.leader["log"] = TWO
    publishing.publish(rows(1))
    assert leaders.links[1].published == [(leaders.links[1].declared[0][0], [2])]


@pytest.mark.parametrize("advertised", [ONE, None])
def test_more_logs_than_a_connection_has_ids_are_published_to(leaders: Leaders, advertised: Endpoint | None) -> None:
    publishing = opened(leaders, advertised=advertised)
    targets = [f"log{number}" for number in range(600)]
    leaders.leader |= dict.fromkeys(targets, ONE)
    publishing.publish([row for number, target in enumerate(targets) for row in rows(number, target=target)])
    assert len(leaders.links) == 3
    ids = [(id(link), publisher_id) for link in leaders.links for publisher_id, _, _ in link.declared]
    assert len(set(ids)) == 600
    for link in leaders.links:
        for publisher_id, numbers in link.published:
            link.says.append(confirms(publisher_id, numbers))
    assert [len(each.confirmed) for each in settled(publishing)] == [600]


def test_no_id_is_the_one_with_which_declarations_find_out_whether_one_may_publish(leaders: Leaders) -> None:
    """A question that was given up may have left its publisher behind: it is another log's."""
    publishing = opened(leaders)
    publishing.publish(rows(1))
    assert leaders.links[0].declared[0][0] != 0
    assert leaders.links[0].written[0]["correlation"] > 1_000_000, "no late answer to such a question is taken for ours"


def test_a_sub_entry_is_confirmed_and_refused_as_a_whole(leaders: Leaders) -> None:
    publishing = opened(leaders, together=2)
    publishing.publish(rows(1, 2, 3, 4, 5))
    [link] = leaders.links
    own = link.declared[0][0]
    assert link.published == [(own, [1, 3, 5])]
    link.says += [confirms(own, [5]), errors(own, {3: codes.ACCESS_REFUSED}), confirms(own, [1])]
    assert settled(publishing) == [([1, 2, 5], [], rows(3, 4))]


def test_what_is_unfit_is_told_and_nothing_is_written_for_it(leaders: Leaders) -> None:
    publishing = opened(leaders)
    odd = message(1, kind="unfit")
    assert publishing.publish([odd]) == [(odd, "it is odd")]
    assert leaders.links[0].written == []
    assert publishing.in_flight() == []


def test_a_message_larger_than_a_leader_takes_is_told_before_anything_is_sent_there(leaders: Leaders) -> None:
    """The node that is connected first takes it: were it sent to the leader, that would close the connection."""
    leaders.frame_max[TWO] = 4096
    leaders.leader["log"] = TWO
    publishing = opened(leaders)
    large, behind = (message(number, target="log", body=b"." * size) for number, size in ((1, 5000), (2, 2)))
    [(row, why), told_of_the_next] = publishing.publish([large, behind, *rows(3)])
    assert row == large
    assert "the broker takes frames of 4096: raise its `stream.frame_max`" in str(why)
    assert told_of_the_next == (behind, None)
    assert [link.published for link in leaders.links] == [[], [(leaders.links[1].declared[0][0], [1])]]
    assert publishing.in_flight() == rows(3)
