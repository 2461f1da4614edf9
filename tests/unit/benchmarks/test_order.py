"""The judge of a log finds what is out of order and what is doubled, and nothing in a log that is right.

It reads by AMQP 0-9-1, whatever the writer has written.
"""

import random
import struct

from benchmarks.order import Order, judge, subject_and_sequence
from benchmarks.rows import messages
from benchmarks.version_1 import as_version_1

HEADERS = [as_version_1(header, len(body)) for *_, header, body in messages(3000)]


def test_a_log_in_the_order_of_writing_is_right() -> None:
    assert judge(HEADERS) == Order(different=3000, doubled=0, out_of_order=0)


def test_subjects_may_be_mixed_in_any_way() -> None:
    by_subject = sorted(HEADERS, key=subject_and_sequence)
    assert judge(by_subject) == Order(different=3000, doubled=0, out_of_order=0)


def test_a_batch_that_comes_again_is_doubled_and_not_out_of_order() -> None:
    assert judge([*HEADERS, *HEADERS[-500:]]) == Order(different=3000, doubled=500, out_of_order=0)


def test_a_message_that_overtakes_another_of_its_subject_is_found() -> None:
    swapped = [*HEADERS[1000:2000], *HEADERS[:1000], *HEADERS[2000:]]
    assert judge(swapped).out_of_order > 0
    shuffled = random.Random(1).sample(HEADERS, len(HEADERS))
    assert judge(shuffled).out_of_order > 0


def test_headers_that_the_broker_puts_first_do_not_matter() -> None:
    """A stream gives each message its offset as the first header, which moves the others."""
    header = HEADERS[1234]
    at = header.index(b"\x08sequencel")
    moved = header[:at] + b"\x0fx-stream-offsetl" + struct.pack(">q", 7) + header[at:]
    assert subject_and_sequence(moved) == subject_and_sequence(header)
