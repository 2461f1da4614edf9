"""An endpoint that would never be asked is refused where it is registered."""

from typing import Any

import pytest
from pydantic import BaseModel

from services.chassis.declaration import Misdeclared
from services.chassis.http.api import Api


class Room(BaseModel):
    room_id: str


def get_room(db: Any) -> Room:
    """Show a room."""
    return Room(room_id="1")


def get_other_room(db: Any) -> Room:
    """Show another room."""
    return Room(room_id="2")


def test_one_function_answers_a_method_and_a_path() -> None:
    api = Api("reception")
    api.endpoint("GET", "/rooms/<room_id>", Room)(get_room)
    api.endpoint("PUT", "/rooms/<room_id>", Room)(get_other_room)
    with pytest.raises(Misdeclared, match=r"GET /rooms/<code> is answered by \S+get_room and by \S+get_other_room"):
        api.endpoint("GET", "/rooms/<code>", Room)(get_other_room)


def test_an_api_is_that_of_a_service() -> None:
    with pytest.raises(ValueError, match="a service cannot be called 'front_desk'"):
        Api("front_desk")
