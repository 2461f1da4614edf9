"""A service that publishes what is somebody else's is found out before it runs."""

import pytest

from infirmary import registry
from infirmary.written_messages import check_written, wrongly_written

IMPORTS = (
    "from services.billing import messages\nfrom services.billing.messages import AdmissionBilled, StockReserved\n"
)


@pytest.mark.parametrize(
    "code",
    [
        "def on(tx):\n    tx.publish(StockReserved(quantity=1))\n",
        "def on(tx):\n    tx.publish(messages.StockReserved(quantity=1))\n",
        "def on(tx):\n    told = StockReserved.model_validate({})\n    tx.publish(told)\n",
        "def price(entry):\n    return entry, StockReserved(quantity=1)\n",
        "def on(event: StockReserved, tx):\n    tx.publish(event)\n",
        "def on(event: messages.StockReserved, tx):\n    tx.publish(event=event)\n",
        "class Office:\n    def on(self, event: 'StockReserved'):\n        self.tx.publish(event)\n",
    ],
)
def test_somebody_elses_event_is_found_wherever_it_is_made_or_published(code: str) -> None:
    (found,) = wrongly_written("billing", "handlers.py", IMPORTS + code)
    assert found.startswith("services/billing/handlers.py:")
    assert "StockReserved, which only inventory publishes (it is declared by @reads); write a message of" in found


def test_a_command_that_was_received_is_not_sent_on() -> None:
    code = "from services.billing.messages import ChargeDispensing as Charge\n"
    code += "def on(command: Charge, tx):\n    tx.send(command)\n"
    (found,) = wrongly_written("billing", "handlers.py", code)
    assert "billing publishes or sends ChargeDispensing, which only prescription sends" in found
    assert "declared by @sends" in found


def test_a_message_of_another_service_is_found_by_its_module() -> None:
    code = "from services.inventory.messages import StockReserved\n\ndef on(tx):\n    tx.publish(StockReserved())\n"
    (found,) = wrongly_written("billing", "store.py", code)
    assert "billing makes a StockReserved, which only inventory publishes (it is declared by @publishes)" in found


@pytest.mark.parametrize(
    "code",
    [
        "def on(tx):\n    tx.publish(AdmissionBilled(balance='1'))\n",
        "def on(event: StockReserved, tx):\n    event = decide(event)\n    tx.publish(event)\n",
        "def on(event: StockReserved, tx):\n    tx.publish(decide(event))\n",
        "def on(event: AdmissionBilled, tx):\n    tx.publish(event)\n",
        "def on(event: StockReserved, tx):\n    return event.quantity\n",
    ],
)
def test_what_is_the_services_own_or_not_known_is_let_through(code: str) -> None:
    assert list(wrongly_written("billing", "handlers.py", IMPORTS + code)) == []


def test_two_classes_of_one_name_are_found_before_the_second_takes_the_place_of_the_first() -> None:
    code = "class PatientCame:\n    pass\n\n\nclass PatientCame:\n    pass\n"
    (found,) = wrongly_written("ward", "messages.py", code)
    assert found == "services/ward/messages.py:5: there is another class PatientCame above; rename one of them"


@pytest.mark.parametrize("service", registry.names())
def test_every_service_here_writes_its_own(service: str) -> None:
    check_written(service)
