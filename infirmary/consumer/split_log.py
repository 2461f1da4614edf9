"""Reads one log in as many parts as it has: finds them, shares them out, and begins each when its turn has come.

Nobody has to be told that a log was split: its events say into how many parts it is written. The reader of part 0 notes
further ones in the service's database, where all its readers find them. Events alone do not do: part 0 may be quiet,
and a relay that died while it declared parts may have left any of them. So each session looks for all of them when it
begins, and the reader of part 0 now and then.
"""

import logging
import time
from collections.abc import Mapping
from typing import Final

from infirmary.consumer.applying import Applier
from infirmary.consumer.handing_over import HandingOver
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.log_end import LogEnd
from infirmary.consumer.reader import LogReader
from infirmary.consumer.store import Positions
from infirmary.consumer.unreadable import Unreadable, Unreadables
from infirmary.transport.log_names import MOST_PARTS, earlier_homes, is_read_by, parsed, part_name

_logger = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 15.0
LOOK_AGAIN_AT_A_PRICE_S: Final = 3600.0
"""How often parts are looked for of which no event has told: by AMQP 0-9-1 each costs the broker a line in its log."""


class SplitLog:
    """All parts of one log of another service.

    Attributes:
        of_commands: Whether it carries commands and replies.
        readers: One for each part that is known, in the parts' order; this process is active in its share of them.
    """

    def __init__(
        self,
        log_name: str,
        positions: Positions,
        applier: Applier,
        broker: LogBroker,
        batch_messages: int,
        unreadables: Unreadables,
    ) -> None:
        self._log, self._positions, self._applier = log_name, positions, applier
        self.of_commands = parsed(log_name).of_commands
        self._broker, self._batch_messages, self._unreadables = broker, batch_messages, unreadables
        self.readers = [self._reader_of(log_name)]
        self._ends: dict[str, LogEnd] = {}
        self._handing_over: dict[str, HandingOver] = {}
        self._look_at, self._told_parts = 0.0, 1

    def tend(self, stored_offsets: Mapping[str, int | None], rank: int, readers: int) -> None:
        """Tries to start reading what is to be read here, and lets go of what another process is to read.

        Args:
            stored_offsets: How far each log and part has been read.
            rank: The place of this process among the service's live readers.
            readers: How many live.

        Raises:
            ReaderReplaced: Another reader has taken a part.
        """
        self._take_in(stored_offsets)
        for end in self._ends.values():
            end.look()
        for reader in self.readers:
            shared_out = len(self.readers) == 1 or is_read_by(reader.name, rank, readers)
            if not shared_out or self._is_left(reader, stored_offsets.get(reader.name)):
                reader.let_go()
            elif reader.is_active or self._may_begin(reader.name, stored_offsets):
                reader.tend(stored_offsets)
        self._note_parts()

    def _is_left(self, reader: LogReader, last_offset: int | None) -> bool:
        """Says whether a part is left to a process of another release, for messages that this one cannot apply."""
        handing_over = self._handing_over.setdefault(reader.name, HandingOver())
        holds_some = self._applier.holds_for_another(reader.name)
        return handing_over.is_left(reader.is_owned, holds_some, last_offset, time.monotonic())

    def _reader_of(self, log_name: str) -> LogReader:
        return LogReader(
            log_name, self._positions, self._applier, self._broker, self._batch_messages, self._unreadables
        )

    def _take_in(self, stored_offsets: Mapping[str, int | None]) -> None:
        known = {reader.name for reader in self.readers}
        found = [name for name in stored_offsets if parsed(name).log == self._log]
        for name in sorted(set(found) - known, key=lambda each: parsed(each).part):
            _logger.info("%s is a part of its log", name)
            self.readers.append(self._reader_of(name))
            self._forget_ends()  # an earlier part may have grown since

    def _note_parts(self) -> None:
        """Notes the parts that events have told of, and now and then looks whether there are more."""
        told = max(reader.parts for reader in self.readers)
        if told > self._told_parts:
            self._told_parts = told
            for part in range(1, told):
                self._positions.note(part_name(self._log, part))
        if self.of_commands:
            return  # those are never split
        has_looked = self._look_at > 0
        if time.monotonic() >= self._look_at and (self.readers[0].is_owned or not has_looked):
            self._look_at = time.monotonic() + (LOOK_AGAIN_S if self._broker.asks_freely else LOOK_AGAIN_AT_A_PRICE_S)
            for name in self._broker.existing(self._unknown_parts()):
                self._positions.note(name)

    def _unknown_parts(self) -> list[str]:
        known = {reader.name for reader in self.readers}
        return [name for name in (part_name(self._log, part) for part in range(1, MOST_PARTS)) if name not in known]

    def _forget_ends(self) -> None:
        for end in self._ends.values():
            end.close()
        self._ends.clear()

    def _may_begin(self, name: str, stored_offsets: Mapping[str, int | None]) -> bool:
        """Says whether the parts where this one's subjects were before have been read as far as they went.

        Until then its messages would have to wait in the database one by one. And where the log's beginning has
        expired, a subject that was never seen might have a message to come there.
        """
        if stored_offsets.get(name) is not None:
            return True
        earlier = earlier_homes(name)
        read = [self._is_read(each, stored_offsets.get(each)) for each in earlier]  # all of them are to be looked at
        return all(read)

    def _is_read(self, name: str, read_to: int | None) -> bool:
        if name not in self._ends:
            if not self._unreadables.may_look(name):  # its own reader looks first, and again and again
                return self._unreadables.is_missing(name)
            try:
                self._ends[name] = LogEnd(self._broker, name)
            except Unreadable as odd:
                if odd.kind != "missing":
                    self._unreadables.failed(name, odd)
                return odd.kind == "missing"
        return self._ends[name].is_reached(read_to)
