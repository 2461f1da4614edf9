"""A consumer in a thread of the test's process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infirmary.consumer.loop import Consumer


@contextmanager
def running(consumer: Consumer, ends_within_s: float) -> Iterator[None]:
    """Runs it until the end of the block, and sees that it ends then."""
    thread = threading.Thread(target=consumer.run)
    thread.start()
    try:
        yield
    finally:
        consumer.stop()
        thread.join(ends_within_s)
        assert not thread.is_alive()
