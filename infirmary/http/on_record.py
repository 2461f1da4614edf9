"""Puts on record what every endpoint was asked for, before the answer leaves.

A change and its record are in one transaction. What has changed nothing goes into a spool, a file that outlives the
process, from where it is told, much of it in one transaction: what is not on record was not seen by anybody. Who is
not let in is told so all the same when the spool is full: it shows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from flask import Flask, Response, current_app, g, request

from infirmary.access.records import Access, AccessRecorded, Tracks
from infirmary.access.telling import Telling
from infirmary.http.callers import TOO_MANY
from infirmary.http.problems import Problem, unavailable
from infirmary.http.recorded import Recorded
from infirmary.http.whose import Whose
from infirmary.identifiers import new_id
from infirmary.identity.caller import Caller
from infirmary.messages import Notice

_PLACE: Final = "on_record"
SHOW_NOTHING: Final = frozenset({401, 403, *range(500, 600)})
"""What is answered to whoever was not let in, or by mistake. Any other answer tells something, if only that there is
nothing."""

NOT_ON_RECORD: Final = "what was asked for cannot be put on record now, so it is not shown; repeat it in a moment"


class Tells(Protocol):
    """Whatever tells a notice: a transaction, at its commit, or the whole storage, at once."""

    def tell(self, notice: Notice, to: str) -> None:
        """Tells another service something."""
        ...


@dataclass(slots=True)
class Asked:
    """The request in hand, as far as the record is concerned.

    Attributes:
        route: The endpoint's path, with names in place of values.
        scope: What it takes.
        whose: Where it names a person.
        said: What the client has said, by its parts.
        view: What is answered, where it goes well, or what a refusal is about.
        is_on_record: Whether the transaction that has put it on record is committed.
    """

    route: str
    scope: str
    whose: Whose
    said: dict[str, Any] = field(default_factory=dict)
    view: object = None
    is_on_record: bool = False


class OnRecord:
    """Tells the service that keeps the record."""

    def __init__(self, storage: Tells, recorded: Recorded, *, identified: bool) -> None:
        """Starts the thread that tells what no transaction of a request tells.

        Args:
            storage: Tells it.
            recorded: Where it goes.
            identified: Whether callers are asked who they are.

        Raises:
            OSError: There can be no spool.
        """
        self._storage, self._to, self._identified = storage, recorded.by, identified
        self._tracks = Tracks()
        self._telling = Telling(recorded.spool, recorded.spool_bytes, self._tell)

    def with_change(self, tx: Tells, status: int) -> None:
        """Has the transaction of the request in hand put it on record."""
        tx.tell(AccessRecorded(track=self._tracks.own(), accesses=[self._access(status)]), self._to)

    def by_itself(self, status: int) -> bool:
        """Puts the request in hand on record; says whether it is."""
        return self._telling.add(self._access(status))

    def close(self) -> None:
        """Ends the thread, when all is told."""
        self._telling.close()

    def _tell(self, some: Sequence[Access]) -> None:
        try:
            self._storage.tell(AccessRecorded(track=self._tracks.own(), accesses=list(some)), self._to)
        except BaseException:
            self._tracks.give_up()
            raise

    def _access(self, status: int) -> Access:
        asked: Asked = g.asked
        caller: Caller | None = g.get("caller")
        person = asked.whose.person(asked.said, asked.view)
        return Access.model_construct(
            access_id=new_id(),
            at=datetime.now(UTC),
            caller=None if caller is None else caller.subject,
            identified=self._identified,
            roles=[] if caller is None else list(caller.roles),
            method=request.method,
            route=asked.route,
            scope=asked.scope,
            person=person,
            several=asked.whose.is_of_several(person),
            address=request.remote_addr or "",
            status=status,
            correlation_id=g.cause.correlation_id,
        )


def put_on_record(app: Flask, storage: Tells, recorded: Recorded | None) -> None:
    """Has everything put on record that an endpoint of an application is asked for.

    Args:
        app: After all that makes an answer what it is.
        storage: Tells what no transaction of a request tells.
        recorded: Where the record goes; None for no record.

    Raises:
        OSError: There can be no spool.
    """
    if recorded is None:
        return
    record = app.extensions[_PLACE] = OnRecord(storage, recorded, identified=app.extensions["who_asks"] is not None)

    @app.after_request
    def put(response: Response) -> Response:
        asked: Asked | None = g.get("asked")
        if asked is None or asked.is_on_record or response.status_code == TOO_MANY:
            return response  # of the last of these nothing was looked at, and a flood would fill the record
        if record.by_itself(response.status_code) or response.status_code in SHOW_NOTHING:
            return response
        return unavailable(NOT_ON_RECORD).response()


def refused(problem: Problem) -> Response:
    """Returns the answer of a problem, which is on record as of whom it is about."""
    if problem.about is not None:
        g.asked.view = problem.about
    return problem.response()


def record_of_app() -> OnRecord | None:
    """Returns what puts on record what the application in hand is asked for; None where nothing does."""
    found: OnRecord | None = current_app.extensions.get(_PLACE)
    return found


def close_record(app: Flask) -> None:
    """Puts the last requests on record, where there is one, and ends its thread."""
    found: OnRecord | None = app.extensions.get(_PLACE)
    if found is not None:
        found.close()
