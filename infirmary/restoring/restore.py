"""Makes a database whole again: goes through the service's own logs, and takes on what was said since the backup.

Stopped at any place it goes on from there: what was taken on stands in the database, with its place in the log, in one
transaction.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from infirmary.consumer.log_broker import LogBroker
from infirmary.restoring.database import Found, Mark, Place, RestoredDatabase
from infirmary.restoring.reading import Piece, all_parts, batches, end_of, pieces
from infirmary.restoring.told import Told, told_in
from infirmary.transport.envelope import unix_time
from infirmary.transport.log_names import parsed, part_name

TELL_EVERY: Final = 10_000
"""Messages, after which progress is told."""

TAIL_MESSAGES: Final = 1_000
"""So many at the end of each log tell whether a database was set back: what it lacks are its last commits."""

RELAYS_STOP_WITHIN_S: Final = 4.0
"""So long after the mark was set nobody publishes any more: relays, and APIs, look at it every two seconds."""


@dataclass(slots=True)
class Report:
    """What was found, by log and part, and how many messages each has."""

    found: dict[str, Found] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)

    def lost(self) -> list[str]:
        """Returns in words what no log has any more."""
        cut = [
            f"{log} begins with its message {found.gone + 1:,}, which was said after the backup: what was said between"
            " the two is in no log any more"
            for log, found in self.found.items()
            if found.gone
        ]
        missing = [gap for found in self.found.values() for gap in found.missing]
        return cut + [
            f"messages {gap.first} to {gap.last} of {gap.counted_as} are in no log any more" for gap in missing
        ]


class Restore:
    """One run of a restore, or a look at what it would do."""

    def __init__(
        self, logs: list[str], broker: LogBroker, database: RestoredDatabase, say: Callable[[str], None]
    ) -> None:
        """Prepares it.

        Args:
            logs: All that the service writes, without their parts.
            broker: Where they are.
            database: What was set back.
            say: Tells a person how far it is.
        """
        self._logs, self._broker, self._database, self._say = logs, broker, database, say

    def mark(self) -> Mark | None:
        """Returns how the database is marked; None when nobody has found that it was set back."""
        return self._database.mark()

    def look_at_the_ends(self, parts: int, newer_than: float) -> Mark | None:
        """Marks the database if the ends of the logs hold what it does not know; returns how it is marked.

        Args:
            parts: Into how many the service writes its log of events.
            newer_than: In unix time: the numbers of older messages may have been forgotten.
        """
        counts = {log: 1 if parsed(log).of_commands else parts for log in self._logs}
        for log in self._broker.existing([part_name(each, part) for each in counts for part in range(counts[each])]):
            begin = max(0, end_of(self._broker, log) + 1 - TAIL_MESSAGES)
            for deliveries, _ in batches(self._broker, log, begin):
                told = [each for each in (told_in(log, delivery) for delivery in deliveries) if each is not None]
                kinds = self._database.look([each for each in told if _written_at(each) > newer_than]).kinds
                if kinds:
                    self._database.mark_set_back(f"{log} ends with messages that it does not know: {_counted(kinds)}")
                    return self._database.mark()
        return None

    def look(self) -> Report:
        """Finds out what was said since the backup and not taken on yet, and changes nothing."""
        places, report = self._database.places(), Report()
        for log in all_parts(self._broker, self._logs):
            report.found[log] = Found()
            begin = places[log].next_offset if log in places else None
            for piece in pieces(self._broker, log, begin):
                self._note(report, log, piece, self._database.look(piece.told))
        return report

    def run(self, left_out: Collection[UUID] = ()) -> Report:
        """Takes on what was said since the backup, and clears the mark.

        Args:
            left_out: The messages of which the state's change is not made, because a person says so.

        Raises:
            CannotRestore: It stops in the middle, for a person to do something; the next run goes on from there.
        """
        self._database.begin()
        self._database.mark_set_back("a restore has begun, and has not come to its end")
        self._let_relays_stop()
        places, report = self._database.places(), Report()
        for log in all_parts(self._broker, self._logs):
            place = places.get(log, Place(None, Found()))
            report.found[log] = found = place.found
            for piece in pieces(self._broker, log, place.next_offset):
                since = self._database.take_on(log, piece.told, Place(piece.last + 1, found), left_out)
                self._note(report, log, piece, since)
        self._database.finish()
        return report

    def _let_relays_stop(self) -> None:
        """Waits until relays have seen the mark: what they publish behind a log's end, as it was read, is missed."""
        mark = self._database.mark()
        left_s = RELAYS_STOP_WITHIN_S - (mark.age_s if mark is not None else 0.0)
        if left_s > 0:
            self._say("It waits some seconds, in which relays see that the database is marked, and stop.")
            time.sleep(min(left_s, RELAYS_STOP_WITHIN_S))

    def _note(self, report: Report, log: str, piece: Piece, since: Found) -> None:
        """Adds what a piece of a log is to what is known of it, and says now and then how far that is."""
        report.found[log].add(replace(since, gone=piece.before if since.kinds else 0))
        before = report.looked_at.get(log, 0)
        report.looked_at[log] = before + piece.messages
        if before // TELL_EVERY != report.looked_at[log] // TELL_EVERY or piece.last >= piece.end >= 0:
            said = sum(report.found[log].kinds.values())
            of_all = f" of {piece.end + 1:,}" if piece.end >= 0 else ""
            self._say(f"{log}: at message {piece.last + 1:,}{of_all}; {said:,} were said after the backup")


def _written_at(told: Told) -> float:
    return unix_time(told.message.time) or 0.0


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
