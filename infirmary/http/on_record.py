"""Puts on record what every endpoint was asked for, before the answer leaves.

A change and its record are in one transaction. What has changed nothing is put on record by a thread that writes all
that waits in one transaction, and the answer waits for it: what is not on record was not seen by anybody. A refusal is
sent all the same when the database is away: it has shown nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from flask import Flask, Response, current_app, g, request
from pydantic import BaseModel

from infirmary.access.group import GroupWriter
from infirmary.access.records import MOST_IN_ONE, Access, AccessRecorded, Tracks
from infirmary.http.callers import TOO_MANY
from infirmary.http.problems import unavailable
from infirmary.http.whose import Whose
from infirmary.identifiers import new_id
from infirmary.identity.caller import Caller
from infirmary.messages import Notice

_PLACE: Final = "on_record"
ANSWER_WAITS: Final = "infirmary.answer_waits"
"""Stands in a request's environment where the server sends an answer only when what the application puts there is done;
elsewhere the application waits for it."""

NOT_ON_RECORD: Final = "what was asked for cannot be put on record now, so it is not shown; repeat it in a moment"
_WITHIN_S: Final = 10.0

_logger = logging.getLogger(__name__)


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
        view: What is answered, where it goes well.
        is_on_record: Whether the transaction that has put it on record is committed.
    """

    route: str
    scope: str
    whose: Whose
    said: dict[str, Any] = field(default_factory=dict)
    view: BaseModel | Mapping[str, Any] | None = None
    is_on_record: bool = False


class OnRecord:
    """Tells the service that keeps the record."""

    def __init__(self, storage: Tells, to: str, *, identified: bool) -> None:
        """Starts the thread that writes.

        Args:
            storage: Tells what no transaction of a request tells.
            to: The service that keeps the record.
            identified: Whether callers are asked who they are.
        """
        self._storage, self._to, self._identified = storage, to, identified
        self._tracks = Tracks()
        self._group = GroupWriter[Access](self._write, MOST_IN_ONE)

    def with_change(self, tx: Tells, status: int) -> None:
        """Has the transaction of the request in hand put it on record."""
        tx.tell(AccessRecorded(track=self._tracks.own(), accesses=[self._access(status)]), self._to)

    def by_itself(self, status: int) -> "Future[None]":
        """Puts the request in hand on record; what it returns is done when that is durable."""
        return self._group.add(self._access(status))

    def close(self) -> None:
        """Ends the thread, when all is written."""
        self._group.close()

    def _write(self, some: Sequence[Access]) -> None:
        try:
            self._storage.tell(AccessRecorded(track=self._tracks.own(), accesses=list(some)), self._to)
        except BaseException as error:
            self._tracks.give_up()
            _logger.warning("%d requests cannot be put on record: %s", len(some), error)
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


def put_on_record(app: Flask, storage: Tells, to: str | None) -> None:
    """Has everything put on record that an endpoint of an application is asked for.

    Args:
        app: After all that makes an answer what it is.
        storage: Tells what no transaction of a request tells.
        to: The service that keeps the record; None for no record.
    """
    if to is None:
        return
    record = app.extensions[_PLACE] = OnRecord(storage, to, identified=app.extensions["who_asks"] is not None)

    @app.after_request
    def wait_until_it_is_on_record(response: Response) -> Response:
        asked: Asked | None = g.get("asked")
        if asked is None or asked.is_on_record or response.status_code == TOO_MANY:
            return response  # of the last of these nothing was looked at, and a flood would fill the record
        done = record.by_itself(response.status_code)
        shows = response.status_code < 400
        if ANSWER_WAITS in request.environ:
            request.environ[ANSWER_WAITS] = (done, shows)
            return response
        try:
            done.result(_WITHIN_S)
        except Exception:
            return unavailable(NOT_ON_RECORD).response() if shows else response
        return response


def record_of_app() -> OnRecord | None:
    """Returns what puts on record what the application in hand is asked for; None where nothing does."""
    found: OnRecord | None = current_app.extensions.get(_PLACE)
    return found


def close_record(app: Flask) -> None:
    """Puts the last requests on record, where there is one, and ends its thread."""
    found: OnRecord | None = app.extensions.get(_PLACE)
    if found is not None:
        found.close()
