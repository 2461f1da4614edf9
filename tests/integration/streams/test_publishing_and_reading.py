"""Messages go into a real log and come out of it."""

import gzip

from infirmary_streams import chunks, codes, commands, publishing
from infirmary_streams.conversation import Conversation
from tests.integration.streams.client import PUBLISHER, SUBSCRIPTION, Client
from tests.integration.streams.node import WARD, StreamNode


def declare(client: Client, log: str) -> None:
    assert client.ask(commands.declare_publisher, PUBLISHER, log).code == codes.OK


def test_every_message_is_confirmed_and_read_in_its_order(client: Client, log: str) -> None:
    declare(client, log)
    messages = {at: b"message %d" % at for at in range(1000)}
    client.publish({at: messages[at] for at in range(500)})
    client.publish({at: messages[at] for at in range(500, 1000)})
    assert sorted(client.confirmed(1000)) == list(range(1000))
    assert client.read(log, 1000) == list(messages.values())


def test_an_id_that_came_before_is_no_reason_to_drop_a_message(client: Client, log: str) -> None:
    declare(client, log)
    for at, body in ((7, b"first"), (7, b"same id"), (0, b"lower id")):
        client.publish({at: body})
        assert client.confirmed(1) == [at]
    assert client.read(log, 3) == [b"first", b"same id", b"lower id"]


def test_messages_of_a_sub_entry_are_confirmed_as_one_and_read_each(client: Client, log: str) -> None:
    declare(client, log)
    content = b"".join(len(body).to_bytes(4, "big") + body for body in (b"one", b"", b"three"))
    packed = gzip.compress(content)
    plain_head = publishing.sub_entry_head(1, 0x80, 3, len(content), len(content))
    packed_head = publishing.sub_entry_head(2, 0x90, 3, len(content), len(packed))
    client.publish_entries([plain_head + content, packed_head + packed])
    assert sorted(client.confirmed(2)) == [1, 2]
    assert client.read(log, 6) == [b"one", b"", b"three"] * 2


def test_messages_of_a_publisher_that_was_not_declared_are_not_taken(client: Client) -> None:
    client.publish({5: b"a", 6: b"b"})
    publisher, failed = publishing.failed(client.wait_for(codes.PUBLISH_ERROR))
    assert (publisher, failed) == (PUBLISHER, [(5, codes.NO_SUCH_PUBLISHER), (6, codes.NO_SUCH_PUBLISHER)])


def test_a_publisher_of_a_log_that_is_deleted_is_told(conversation: Conversation, client: Client, log: str) -> None:
    declare(client, log)
    conversation.delete(log)
    code, name = commands.metadata_update(client.wait_for(codes.METADATA_UPDATE))
    assert (code, name) == (codes.STREAM_NOT_AVAILABLE, log)
    client.publish({1: b"late"})
    assert publishing.failed(client.wait_for(codes.PUBLISH_ERROR))[1] == [(1, codes.NO_SUCH_PUBLISHER)]


def test_a_publisher_without_rights_is_refused(node: StreamNode, conversation: Conversation) -> None:
    conversation.create("bed.to.other", {})
    with Client(node.address(WARD)) as wards:
        assert wards.ask(commands.declare_publisher, PUBLISHER, "bed.to.other").code == codes.ACCESS_REFUSED
        begin = wards.ask(chunks.subscribe, SUBSCRIPTION, "bed.to.other", chunks.FIRST, 1)
        assert begin.code == codes.ACCESS_REFUSED
    conversation.delete("bed.to.other")


def test_no_more_chunks_come_than_are_asked_for(client: Client, log: str) -> None:
    declare(client, log)
    for at in range(3):
        client.publish({at: b"%d" % at})
        client.confirmed(1)
    assert client.ask(chunks.subscribe, SUBSCRIPTION, log, chunks.FIRST, 1).code == codes.OK
    assert client.next_chunk().messages == [b"0"]
    # Had the broker more to say, it would stand before this answer.
    client.ask(commands.delete_publisher, 99)
    assert codes.DELIVER not in client.kinds_kept()
    client.link.write(chunks.credit(SUBSCRIPTION, 2))
    assert [client.next_chunk().messages for _ in range(2)] == [[b"1"], [b"2"]]


def test_reading_begins_where_it_is_told_to(client: Client, log: str) -> None:
    client.write(log, *(b"%d" % at for at in range(10)))
    client.write(log, b"10")
    assert client.read(log, 1, chunks.from_offset(10)) == [b"10"]
    assert client.ask(chunks.subscribe, SUBSCRIPTION, log, chunks.from_offset(7), 1).code == codes.OK
    chunk = client.next_chunk()
    assert (chunk.first_offset + len(chunk.messages), chunk.messages[-1]) == (10, b"9")
    assert chunk.first_offset <= 7
    assert client.ask(chunks.unsubscribe, SUBSCRIPTION).code == codes.OK


def test_reading_what_comes_next_leaves_out_what_was_there(client: Client, log: str) -> None:
    client.write(log, b"before")
    assert client.ask(chunks.subscribe, SUBSCRIPTION, log, chunks.NEXT, 1).code == codes.OK
    client.write(log, b"after")
    chunk = client.next_chunk()
    assert (chunk.first_offset, chunk.messages) == (1, [b"after"])


def test_subscriptions_that_cannot_be_are_refused(client: Client, log: str) -> None:
    def subscribed(name: str) -> int:
        return client.ask(chunks.subscribe, SUBSCRIPTION, name, chunks.FIRST, 1).code

    assert subscribed("nowhere") == codes.NO_SUCH_STREAM
    assert subscribed(log) == codes.OK
    assert subscribed(log) == 0x03
    assert client.ask(chunks.unsubscribe, 9).code == 0x04
    client.link.write(chunks.credit(9, 1))
    assert chunks.credit_refused(client.wait_for(codes.CREDIT | codes.RESPONSE)) == (0x04, 9)


def test_a_reader_of_a_log_that_is_deleted_is_told(conversation: Conversation, client: Client, log: str) -> None:
    assert client.ask(chunks.subscribe, SUBSCRIPTION, log, chunks.FIRST, 1).code == codes.OK
    conversation.delete(log)
    told = commands.metadata_update(client.wait_for(codes.METADATA_UPDATE))
    assert told == (codes.STREAM_NOT_AVAILABLE, log)


def test_a_large_message_comes_back_as_it_was(client: Client, log: str) -> None:
    large = bytes(range(256)) * 8000
    client.write(log, large)
    assert client.read(log, 1) == [large]
