"""Wakes the relay when a message is written: by MongoDB's change stream, in place of PostgreSQL's NOTIFY.

A thread reads it. A nudge that is lost, or a server that has no change streams (one that is no replica set), costs the
polling interval.
"""

import logging
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

_RETRY_S = 5.0
_AWAIT_MS = 2_000
"""How long the server holds a question back when there is nothing; less than the client's socket timeout."""
_log = logging.getLogger(__name__)

_APPENDED = "updateDescription.updatedFields.outbox_since"
_WRITTEN: list[Mapping[str, Any]] = [
    # The relay's own changes, which take messages out, must not wake it.
    {"$match": {"$or": [{"operationType": "insert"}, {_APPENDED: {"$exists": True}}]}},
    {"$project": {"_id": True}},
]


class Watch:
    """A thread that waits for changes of one collection, and a socket that becomes readable when there is one."""

    def __init__(self, client: MongoClient[dict[str, Any]], collection: str) -> None:
        self._documents = client.get_default_database()[collection]
        self._receiver, self._sender = socket.socketpair()
        for end in (self._receiver, self._sender):
            end.setblocking(False)
        self._stopping = threading.Event()
        self.is_listening = False
        """Whether the change stream is read now, so that polling is only there for what it may miss."""
        threading.Thread(target=self._run, name="mongo-watch", daemon=True).start()

    def fileno(self) -> int:
        """The descriptor that becomes readable when a nudge comes."""
        return self._receiver.fileno()

    def drain_notifications(self) -> bool:
        """Takes in what has come; gives whether there was something."""
        try:
            return bool(self._receiver.recv(4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Lets the thread end when it next wakes; the client is closed by its owner, which wakes it."""
        self._stopping.set()
        self._sender.close()
        self._receiver.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except OperationFailure as refused:
                _log.info("this server has no change streams, so the relay polls: %s", refused)
                return
            except PyMongoError as lost:
                _log.info("the change stream was lost, the relay polls for a while: %s", lost)
                self._stopping.wait(_RETRY_S)
            except OSError:
                return  # the socket is closed: nobody listens any more

    def _listen(self) -> None:
        try:
            with self._documents.watch(_WRITTEN, max_await_time_ms=_AWAIT_MS) as changes:
                self.is_listening = True
                while not self._stopping.is_set():
                    if changes.try_next() is not None:
                        self._nudge()
        finally:
            self.is_listening = False

    def _nudge(self) -> None:
        with suppress(BlockingIOError):  # as many nudges wait as the socket holds: one is enough
            self._sender.send(b"\x00")
