"""The protocol on MongoDB: leases by the database's clock, outboxes in documents, and a change stream that nudges."""

import threading
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from infirmary_relay.assignment import PARTITIONS
from infirmary_relay.message import MESSAGE_ID, SUBJECT, Row
from infirmary_relay.sources import mongo
from infirmary_relay.sources.mongo import MongoSource
from infirmary_relay.sources.source import HeldBack, Source
from tests.unit.relay.protocol.machine import Protocol, some
from tests.unit.relay.protocol.mongo import Client, Database
from tests.unit.relay.protocol.mongo_language import Document, moment
from tests.unit.relay.protocol.rows import BODY, header_of
from tests.unit.relay.protocol.steps import LOG, SERVICE, Process
from tests.unit.relay.protocol.violations import require
from tests.unit.relay.protocol.world import SUBJECTS


class Watch:
    """The change stream of one relay."""

    def __init__(self) -> None:
        self.is_listening = True
        self.waits = self.is_unseen = False

    def nudge(self) -> None:
        """A document has been written."""
        if self.is_listening:
            self.waits = self.is_unseen = True

    def fileno(self) -> int:
        """The descriptor at which a nudge comes."""
        return 7

    def drain_notifications(self) -> bool:
        """Takes the nudges that have come; whether there were any."""
        came, self.waits = self.waits, False
        return came

    def close(self) -> None:
        """Ends it."""
        self.is_listening = False


class MongoProtocol(Protocol):
    """Leases say which partition is whose; a relay that is late may lose one with messages in flight."""

    source: type[MongoSource] = MongoSource

    def __init__(self) -> None:
        super().__init__()
        self.database = Database(lambda: self.now, self)
        self._last_watch: dict[UUID, Watch] = {}
        self.put(mongo, "time", self.time)
        self.put(mongo, "incarnation_of", lambda *_: None)
        self.put(mongo, "connect", lambda _url, _ca_file: self._connect())
        self.put(mongo, "identity_of", lambda _: "7")
        self.put(mongo, "noted_logs", lambda _: [])
        self.put(mongo, "Watch", lambda client, _collection: self._watch(client))

    # What happens

    @rule(subject=st.sampled_from(sorted(SUBJECTS)), count=st.integers(1, 3), nudges=st.booleans())
    def somebody_writes(self, subject: str, count: int, nudges: bool) -> None:
        document = self.database.documents.get(subject, {"_id": subject, "outbox": []})
        entries = [self._entry(subject) for _ in range(count)]
        written = {"outbox_partition": SUBJECTS[subject], "outbox_since": moment(self.now)}
        self.database.documents[subject] = document | {"outbox": document["outbox"] + entries} | written
        for watch in self._watches() if nudges else ():
            watch.nudge()

    @rule()
    def the_database_goes_away_or_comes_back(self) -> None:
        self.database.is_up = not self.database.is_up

    @precondition(lambda self: self._watches())
    @rule(which=some)
    def a_change_stream_is_lost_or_read_again(self, which: int) -> None:
        watches = self._watches()
        watch = watches[which % len(watches)]
        watch.is_listening = not watch.is_listening

    # What the relays do to it

    def asked(self, process: Process, partitions: Mapping[str, Any]) -> None:
        others = partitions.get("$nin")
        asked = partitions["$in"] if others is None else set(range(PARTITIONS)) - set(others)
        require(all(self._holds(process, each) for each in asked), "a relay fetches without a lease")

    def answered(self, process: Process) -> None:
        self._last_watch[process.relay_id].is_unseen = False

    def failed(self, process: Process) -> None:
        self.lost(self._in_hand(process))

    def outbox_changed(self, before: Document, after: Document) -> None:
        kept = [entry["message_id"] for entry in after["outbox"]]
        for entry in before["outbox"]:
            is_kept = entry["message_id"] in kept
            require(is_kept or self.in_log(entry["message_id"].bytes), "a message was deleted and is not in the log")

    def lease_changed(self, before: Document, after: Document) -> None:
        if "is_relay" in before or before["holder"] in (None, after["holder"]):
            return
        for holder in (each for each in self.processes if str(each.relay_id) == before["holder"]):
            in_hand = self._in_hand(holder, before["_id"])
            is_late = before["until"] < moment(self.now)
            says_goodbye = before["holder"] not in self.database.leases  # it has waited for what is in flight, in vain
            require(not in_hand or is_late or says_goodbye, "a partition is let go with messages in flight")
            self.lost(in_hand)

    def _taken(self, process: Process, batch: list[Row]) -> None:
        """Notes what a relay takes whose fetch took so long that the lease has become another one's."""
        for row in batch:
            partition = SUBJECTS[str(row[SUBJECT])]
            if self.database.leases[partition]["holder"] != str(process.relay_id):
                self.may_repeat[row[MESSAGE_ID]] += 1

    # What a database is to the model

    def connect_source(self, relay_id: UUID) -> Source:
        source = self.source(
            "",
            collection="notifications",
            service=SERVICE,
            relay_id=relay_id,
            poll_s=0.1,
            batch_bytes=1_000_000,
            message_max_bytes=1_000_000,
        )
        fetch, process = source.fetch, cast("Process", threading.current_thread())

        def fetch_and_tell(held_back: HeldBack, rows: int) -> list[Row]:
            batch = fetch(held_back, rows)
            self._taken(process, batch)
            return batch

        source.fetch = fetch_and_tell  # type: ignore[method-assign]
        return source

    def waits(self, message_id: bytes) -> bool:
        return any(
            entry["message_id"].bytes == message_id
            for document in self.database.documents.values()
            for entry in document["outbox"]
        )

    def waiting(self) -> int:
        return sum(len(document["outbox"]) for document in self.database.documents.values())

    def owned(self) -> int:
        return sum(self._holds(process, each) for each in range(PARTITIONS) for process in self.processes)

    def is_killed(self, process: Process) -> None:
        self.lost(self._in_hand(process))

    def heal_database(self) -> None:
        self.database.is_up = True
        for watch in self._watches():
            watch.is_listening = True

    def nudges(self, process: Process) -> tuple[bool, bool]:
        watch = self._last_watch[process.relay_id]
        return watch.waits, watch.is_unseen

    def _connect(self) -> Client:
        process = cast("Process", threading.current_thread())
        process.pause()
        return Client(self.database, process)

    def _entry(self, subject: str) -> Document:
        self.given[subject] += 1
        message_id = UUID(int=len(self.messages) + 1)
        self.messages[message_id.bytes] = subject, self.given[subject]
        written = {"subject": subject, "target": LOG, "type": "Noted", "sequence": self.given[subject]}
        return {
            "message_id": message_id,
            "header": header_of(message_id.bytes, subject, self.given[subject]),
            "body": BODY,
            "created_at": moment(self.now),
            **written,
        }

    def _watches(self) -> list[Watch]:
        ids = [process.relay_id for process in self.processes]
        return [self._last_watch[each] for each in ids if each in self._last_watch]

    def _watch(self, client: Client) -> Watch:
        self._last_watch[client.process.relay_id] = watch = Watch()
        return watch

    def _holds(self, process: Process, partition: int) -> bool:
        lease = self.database.leases.get(partition, {"holder": None})
        return bool(lease["holder"] == str(process.relay_id) and lease["until"] >= moment(self.now))

    def _in_hand(self, process: Process, partition: int | None = None) -> list[bytes]:
        """What a relay has taken and not yet deleted."""
        source = cast("MongoSource | None", process.source)
        flying = source._in_flight.values() if source is not None else ()
        ids = [each for where, ids in flying if partition in (None, where) for each in ids]
        return [message_id for each in ids if self.waits(message_id := cast("UUID", each).bytes)]
