"""Reads one log in as many parts as it has: finds them, shares them out, and begins each when its turn has come.

Nobody has to be told that a log was split. The reader of part 0 looks for further ones and notes them in the service's
database, where all its readers find them. Looking costs the broker a line in its log, so only one process does it.
"""

import logging
import time
from collections.abc import Mapping

from services.chassis.consumer.broker import Broker
from services.chassis.consumer.ledger import Ledger
from services.chassis.consumer.log_end import LogEnd
from services.chassis.consumer.reader import LogReader
from services.chassis.log_parts import MOST_PARTS, earlier_homes, is_log, is_read_by, name_of, part_of, publisher_of

log = logging.getLogger(__name__)

FIRST_LOOK_AGAIN_S, LOOK_AGAIN_S = 1.0, 30.0
"""How often a part that was not there is looked for: twice as long from look to look, up to the second."""


class SplitLog:
    """All parts of one log of another service.

    Attributes:
        readers: One for each part that is known, in the parts' order; this process is active in its share of them.
    """

    def __init__(self, log_name: str, ledger: Ledger, broker: Broker, batch_messages: int) -> None:
        self._publisher = publisher_of(log_name)
        self._ledger, self._broker, self._batch_messages = ledger, broker, batch_messages
        self.readers = [LogReader(log_name, ledger, broker, batch_messages)]
        self._ends: dict[str, LogEnd] = {}
        self._look_at, self._pause_s = 0.0, FIRST_LOOK_AGAIN_S

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
            if len(self.readers) > 1 and not is_read_by(reader.name, rank, readers):
                reader.let_go()
            elif reader.is_active or self._may_begin(reader.name, stored_offsets):
                reader.tend(stored_offsets)
        if self.readers[0].is_active and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LOOK_AGAIN_S)
            self._look_for_more()

    def _take_in(self, stored_offsets: Mapping[str, int | None]) -> None:
        known = {reader.name for reader in self.readers}
        found = [name for name in stored_offsets if is_log(name) and publisher_of(name) == self._publisher]
        for name in sorted(set(found) - known, key=part_of):
            log.info("%s is a part of its log", name)
            self.readers.append(LogReader(name, self._ledger, self._broker, self._batch_messages))
            self._forget_ends()  # an earlier part may have grown since

    def _look_for_more(self) -> None:
        part = part_of(self.readers[-1].name) + 1
        while part < MOST_PARTS and self._broker.exists(name_of(self._publisher, part)):
            self._ledger.note_log(name_of(self._publisher, part))
            part += 1

    def _forget_ends(self) -> None:
        for end in self._ends.values():
            end.close()
        self._ends.clear()

    def _may_begin(self, part_name: str, stored_offsets: Mapping[str, int | None]) -> bool:
        """Says whether the parts where this one's subjects were before have been read as far as they went.

        Until then its events would have to wait in the database one by one. And where the log's beginning has expired,
        a subject that was never seen might have an event to come there.
        """
        if stored_offsets.get(part_name) is not None:
            return True
        earlier = [name_of(self._publisher, part) for part in earlier_homes(part_of(part_name))]
        for name in earlier:
            if name not in self._ends:
                self._ends[name] = LogEnd(self._broker, name)
        return all(self._ends[name].is_reached(stored_offsets.get(name)) for name in earlier)
