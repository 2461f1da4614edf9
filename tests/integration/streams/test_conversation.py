"""Logging in, declaring and looking at a real broker."""

from collections.abc import Callable
from dataclasses import replace

import amqp
import pytest

from infirmary_streams import codes
from infirmary_streams.commands import Endpoint, Placement
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import RefusedError, StreamLostError
from tests.integration.streams.client import TIMEOUT_S
from tests.integration.streams.node import WARD, StreamNode


def test_whoever_logs_in_is_told_what_broker_it_is(node: StreamNode, conversation: Conversation) -> None:
    assert conversation.of_broker["product"] == "RabbitMQ"
    assert conversation.frame_max == 2 * 1_048_576
    assert conversation.advertised == Endpoint("127.0.0.1", node.stream_port)


def test_a_wrong_password_is_told(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match=r"user \w+: authentication failed"):
        Conversation(replace(node.address(), password="wrong"), name="test", timeout_s=TIMEOUT_S)


def test_a_virtual_host_that_is_missing_is_told(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match=r"virtual host nowhere: access to the virtual host refused"):
        Conversation(replace(node.address(), virtual_host="nowhere"), name="test", timeout_s=TIMEOUT_S)


def test_nobody_without_a_certificate_logs_in_by_one(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match="nobody log in by EXTERNAL, only by PLAIN"):
        Conversation(replace(node.address(), user="", password=""), name="test", timeout_s=TIMEOUT_S)


def test_a_log_is_where_it_was_made(node: StreamNode, conversation: Conversation, log: str) -> None:
    assert conversation.placements(log, "nowhere") == {
        log: Placement(codes.OK, Endpoint("127.0.0.1", node.stream_port), []),
        "nowhere": Placement(codes.NO_SUCH_STREAM),
    }
    assert conversation.placements() == {}


def test_a_log_that_is_there_is_not_made_again(conversation: Conversation, log: str) -> None:
    with pytest.raises(RefusedError) as same:
        conversation.create(log, {})
    with pytest.raises(RefusedError) as other:
        conversation.create(log, {"max-age": "7D"})
    assert (same.value.code, other.value.code) == (codes.STREAM_EXISTS, codes.PRECONDITION_FAILED)


def test_a_queue_of_its_name_is_in_a_logs_way(node: StreamNode, conversation: Conversation) -> None:
    host, _, virtual_host = node.url.rpartition("@")[2].partition("/")
    address = node.address()
    with amqp.Connection(host, userid=address.user, password=address.password, virtual_host=virtual_host) as connection:
        channel = connection.channel()
        channel.queue_declare("ward.queue", durable=True, auto_delete=False)
        with pytest.raises(RefusedError, match="precondition failed"):
            conversation.create("ward.queue", {})
        with pytest.raises(RefusedError, match="stream does not exist"):
            conversation.may_publish("ward.queue")
        channel.queue_delete("ward.queue")


def test_what_is_not_there_cannot_be_deleted_or_published_to(conversation: Conversation) -> None:
    with pytest.raises(RefusedError, match="nowhere: stream does not exist"):
        conversation.delete("nowhere")
    with pytest.raises(RefusedError, match="nowhere: stream does not exist"):
        conversation.may_publish("nowhere")


def test_an_account_without_rights_is_refused_and_goes_on(node: StreamNode, conversation: Conversation) -> None:
    conversation.create("bed.events", {})
    with Conversation(node.address(WARD), name="test", timeout_s=TIMEOUT_S) as wards:
        asks: list[Callable[[], object]] = [
            lambda: wards.create("bed.to.ward", {}),
            lambda: wards.may_publish("bed.events"),
            lambda: wards.delete("bed.events"),
        ]
        for ask in asks:
            with pytest.raises(RefusedError, match=r"bed\.\S+: access refused"):
                ask()
        wards.create("ward.to.bed", {})
        wards.may_publish("ward.to.bed")
        wards.delete("ward.to.bed")
    conversation.delete("bed.events")
