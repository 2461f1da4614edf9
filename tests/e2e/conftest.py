"""One hospital for all end-to-end tests, on free ports; each test makes its own patients, wards and medications."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from audit.collector import Collector, NotAtRest
from audit.verdict import violations
from demo.client import Hospital
from local.hospital import Hospital as Machinery
from local.hospital import running_hospital
from local.ports import free_port

AT_REST_WITHIN_S = 90.0


@pytest.fixture(scope="session")
def machinery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machinery]:
    """Servers and processes, to be looked at, stopped and killed."""
    folder = tmp_path_factory.mktemp("hospital")
    with running_hospital(folder, announce=print, broker_metrics_port=free_port()) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="session")
def hospital(machinery: Machinery) -> Iterator[Hospital]:
    """What people do in the hospital."""
    with Hospital(machinery.env) as client:
        yield client


@pytest.fixture(scope="session")
def collector(machinery: Machinery) -> Iterator[Collector]:
    """Somebody who waits until the hospital is at rest and then looks at everything."""
    with Collector(machinery.env) as collector:
        yield collector


class Audit:
    """Checks everything that must hold once the hospital is at rest."""

    def __init__(self, hospital: Hospital, collector: Collector) -> None:
        self._hospital, self._collector = hospital, collector

    def holds(self) -> None:
        """Waits until nothing is under way, then asserts every rule of the audit."""
        self._collector.await_quiescence(AT_REST_WITHIN_S)
        ledger = self._hospital.ledger
        assert violations(self._collector.facts(ledger), ledger) == []

    def holds_but_for(self, *known: str) -> None:
        """Waits until only parked messages are left, then asserts every rule but for findings with a known text."""
        with suppress(NotAtRest):
            self._collector.await_quiescence(10)
        ledger = self._hospital.ledger
        found = violations(self._collector.facts(ledger), ledger)
        others = [each for each in found if not any(text in each.what for text in known)]
        assert [each for each in others if "parked" not in each.rule] == []


@pytest.fixture
def audit(hospital: Hospital, collector: Collector) -> Audit:
    """The audit of everything, with what all tests have done so far."""
    return Audit(hospital, collector)
