"""The table of services and the port plan."""

import pytest

from local.errors import LocalError
from local.topology import PORT_OFFSETS, SERVICES, Role, port_base


def test_no_two_processes_share_a_port() -> None:
    assert len(set(PORT_OFFSETS)) == len(PORT_OFFSETS) == sum(len(service.roles) for service in SERVICES)


def test_metrics_of_a_consumer_are_100_and_of_a_relay_200_above_the_api() -> None:
    for service in SERVICES:
        assert service.port_offset(Role.CONSUMER) == service.port_offset(Role.API) + 100
        assert service.port_offset(Role.RELAY) == service.port_offset(Role.API) + 200


def test_the_chart_publishes_nothing_and_has_no_relay() -> None:
    (chart,) = (service for service in SERVICES if service.name == "chart")
    assert Role.RELAY not in chart.roles


def test_the_port_base_is_8100_unless_the_variable_moves_it() -> None:
    assert port_base({}) == 8100
    assert port_base({"INFIRMARY_PORT_BASE": "18100"}) == 18100


@pytest.mark.parametrize("given", ["", "x", "80", "-1", "65500"])
def test_an_impossible_port_base_is_refused_by_name(given: str) -> None:
    with pytest.raises(LocalError, match="INFIRMARY_PORT_BASE"):
        port_base({"INFIRMARY_PORT_BASE": given})
