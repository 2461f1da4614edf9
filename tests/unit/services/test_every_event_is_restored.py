"""Each service says of each of its events how its state is made again from it, or why it is the same without."""

import pytest

from contracts import declarations
from infirmary import registry
from infirmary.messages import Event
from infirmary.restoring.declaration import Restoring


def published(service: str) -> list[type[Event]]:
    return [
        message
        for message in declarations.declared_in(service)
        if issubclass(message, Event) and message.contract.direction == "publishes"
    ]


@pytest.mark.parametrize("service", [service for service in registry.names() if published(service)])
def test_no_event_of_a_service_is_forgotten_when_its_state_is_made_again(service: str) -> None:
    restoring: Restoring = registry.room(service, "restoring").restoring
    assert [event.__name__ for event in published(service) if not restoring.knows(event)] == []
