"""An endpoint that would never be asked is refused where it is registered."""

from typing import Any

import pytest
from pydantic import BaseModel

from infirmary.declaring.declaration import Misdeclared
from infirmary.http.api import Api


class Room(BaseModel):
    room_id: str


class RoomPath(BaseModel):
    """Which room."""

    room_id: str


class OtherPath(BaseModel):
    """Which room, by another name."""

    code: str


def get_room(path: RoomPath, db: Any) -> Room:
    """Show a room."""
    return Room(room_id="1")


def get_other_room(path: RoomPath, db: Any) -> Room:
    """Show another room."""
    return Room(room_id="2")


def test_one_function_answers_a_method_and_a_path() -> None:
    api = Api("reception")
    api.endpoint("GET", "/rooms/<room_id>", Room, scope="rooms:read")(get_room)
    api.endpoint("PUT", "/rooms/<room_id>", Room, scope="rooms:write")(get_other_room)

    def by_another_name(path: OtherPath, db: Any) -> Room:
        raise NotImplementedError

    with pytest.raises(Misdeclared, match=r"GET /rooms/<code> is answered by \S+get_room and by \S+by_another_name"):
        api.endpoint("GET", "/rooms/<code>", Room, scope="rooms:read")(by_another_name)


def test_an_api_is_that_of_a_service() -> None:
    with pytest.raises(ValueError, match="a service cannot be called 'front_desk'"):
        Api("front_desk")


def of_somebody_else(path: RoomPath, db: Any) -> Room:
    raise NotImplementedError


of_somebody_else.__module__ = "services.ward.api"


def misspelt(path: RoomPath, database: Any) -> Room:
    raise NotImplementedError


def without_database(path: RoomPath) -> Room:
    raise NotImplementedError


def with_both(path: RoomPath, tx: Any, db: Any) -> Room:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("rule", "function", "answer", "complaint"),
    [
        ("/rooms/<roomid>", get_room, Room, r"should have the same names: room_id, roomid are in one of them only"),
        ("/rooms", get_room, Room, r"should have the same names: room_id is in one of them only"),
        ("/rooms/<room_id>", misspelt, Room, r"misspelt asks for database; an endpoint is given path, query, body"),
        ("/rooms/<room_id>", without_database, Room, r"should ask for tx, to write, or for db, to read"),
        ("/rooms/<room_id>", with_both, Room, r"should ask for tx, to write, or for db, to read"),
        (
            "/rooms/<room_id>",
            get_room,
            list[Room],
            r"registered with the answer list\S+; it should be a pydantic model",
        ),
        ("/rooms/<room_id>", of_somebody_else, Room, r"is ward's, and is registered with reception; write ward there"),
    ],
)
def test_an_endpoint_that_would_fail_at_its_first_request_is_refused(
    rule: str, function: Any, answer: Any, complaint: str
) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        Api("reception").endpoint("GET", rule, answer)(function)


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ({}, r"get_room names no scope; say who may call it, as scope="),
        ({"scope": ""}, r"get_room should name the scope that it asks for, like patients:read, and not ''"),
        ({"scope": "read rooms"}, r"and not 'read rooms'"),
        ({"scope": "rooms:read", "scope_without": {"floor": "all"}}, r"and not 'all'"),
    ],
)
def test_an_endpoint_that_does_not_say_who_may_call_it_is_refused(named: Any, complaint: str) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        Api("reception").endpoint("GET", "/rooms/<room_id>", Room, **named)(get_room)
