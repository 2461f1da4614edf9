"""What no reader could read, or not every reader, goes out on no wire, and the reason names what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.headers import content_header, from_version_1
from infirmary_relay.headers.forms import Forms
from infirmary_streams import amqp10, sections
from infirmary_streams.amqp10 import symbol, text
from tests.unit.relay.written_headers import BODY, KNOWN, accepts, by_streams, table, version_1


@given(st.data())
def test_sections_are_sent_only_when_they_can_be_read(data: st.DataObject) -> None:
    header = bytearray(KNOWN)
    for _ in range(data.draw(st.integers(0, 3))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(header)) | st.just(len(header)))
    known = Forms()
    known.check(KNOWN)
    answers = [accepts(forms, bytes(header[:end])) for forms in (Forms(), known)]
    assert answers[0] == answers[1], "whatever was met before"
    if answers[0]:
        by_streams(bytes(header[:end]))


@given(st.lists(st.sampled_from([KNOWN, KNOWN[:-1], table({"a": b"\x41"}), table({"b": b"\x41"}), b""]), max_size=9))
def test_all_of_a_batch_are_checked(headers: list[bytes]) -> None:
    forms = Forms()
    fit = [accepts(Forms(), header) for header in headers]
    if all(fit):
        forms.check_all(headers)
    else:
        with pytest.raises(ValueError, match="none of the outbox contract"):
            forms.check_all(headers)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x00\x3c",
        sections.with_body(KNOWN, BODY),
        table({"a": b"\x41"}) + KNOWN,
        amqp10.list_section(amqp10.HEADER, b"\x41", 1) + KNOWN,
        amqp10.list_section(amqp10.APPLICATION, b"", 0),
        KNOWN + b"\x00",
        table({"a": b"\xc1\x03\x02\x53\x01"}),
    ],
)
def test_other_sections_than_those_of_the_contract_are_refused(header: bytes) -> None:
    assert not accepts(Forms(), header)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_header_are_told_and_nothing_worse(rest: bytes) -> None:
    header = content_header.header_prefix(4) + rest
    said = "its header is read"
    try:
        Forms().check(from_version_1.sections_of(header, 4))
    except ValueError as told:
        said = str(told)
    assert said.startswith("its header")


def test_a_header_that_announces_another_body_is_told() -> None:
    with pytest.raises(ValueError, match="does not announce a body of 5 bytes"):
        from_version_1.sections_of(version_1({"message_id": "m"}), 5)


@pytest.mark.parametrize("length", [256, 70_000])
def test_a_property_for_which_amqp_has_no_room_goes_nowhere(length: int) -> None:
    header = amqp10.list_section(amqp10.PROPERTIES, text("m" * length), 1)
    for goes in (Forms().check, lambda header: Forms().content_header(header, 0)):
        with pytest.raises(ValueError, match=f"its message-id has {length} bytes, AMQP has room for 255"):
            goes(header)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (table({"a": b"\x98" + bytes(16)}), "its a is of type 0x98"),
        (table({"a": b"\x56\x07"}), "its a is of type 0x56"),
        (table({"a": b"\x82\x7f\xf8" + bytes(6)}), "its a is no finite number"),
        (table({sections.TYPE: text("t" * 256)}), "has 256 bytes, AMQP has room for 255"),
        (amqp10.list_section(amqp10.PROPERTIES, text("m") + b"\x40" * 13, 14), "14 properties"),
        (amqp10.list_section(amqp10.PROPERTIES, b"\x41", 1), "its message-id is of type 0x41"),
        (amqp10.map_section(amqp10.ANNOTATIONS, text("x-a") + text("b"), 1), "annotation x-a is no symbol"),
        (amqp10.map_section(amqp10.ANNOTATIONS, symbol("x-basic-delivery-mode") + b"\x50\x09", 1), "mode is not 2"),
    ],
)
def test_what_a_broker_cannot_show_to_a_reader_by_amqp_goes_to_no_log(header: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Forms().check(header)


def test_a_value_that_cannot_be_shown_is_found_behind_others_of_its_form() -> None:
    forms = Forms()
    forms.check(table({"a": b"\x82" + bytes(8)}))
    with pytest.raises(ValueError, match="no finite number"):
        forms.check(table({"a": b"\x82\x7f\xf8" + bytes(6)}))
