"""A service of one's own whose handler takes a Session: as its tests run it, and as its process does."""

import os
import sys
from pathlib import Path

import amqp
import pytest
from kombu.connection import Connection

from infirmary.testing import message
from local.rundir import REPOSITORY
from tests.eventually import eventually
from tests.integration.following import forget, given, running
from tests.integration.sessions.app import Shop

FILES = {
    "mall/__init__.py": "",
    "mall/shop/__init__.py": "",
    "mall/shop/messages.py": """
from infirmary.messages import Event, publishes, reads
from infirmary.sqlalchemy import Outbox

outbox = Outbox("shop")

@reads("till")
class Sold(Event):
    name: str

@publishes(subject="name")
class Restocked(Event):
    name: str
""",
    "mall/shop/handlers.py": """
from sqlalchemy import text
from sqlalchemy.orm import Session
from infirmary.handlers import Handlers
from mall.shop.messages import Restocked, Sold, outbox

handlers = Handlers("shop")

@handlers.on(Sold)
def restock(event: Sold, session: Session) -> None:
    session.execute(text("INSERT INTO item (name, number) VALUES (:name, 0)"), {"name": event.name})
    outbox.publish(session, Restocked(name=event.name))
""",
    "hand_fed.py": """
from infirmary.testing import HandFedConsumer, message

with HandFedConsumer("shop") as shop:
    sold = [message("till", "Sold", {"name": name}, subject=name, sequence=1) for name in "ab"]
    shop.apply("till.events", *sold, *sold)
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def variables(folder: Path, database_url: str, **more: str) -> dict[str, str]:
    path = f"{REPOSITORY}:{folder}"
    return os.environ | {"INFIRMARY_SERVICES": "mall", "DATABASE_URL": database_url, "PYTHONPATH": path} | more


def test_its_tests_hand_it_messages(shop: Shop, folder: Path) -> None:
    given(f"{sys.executable} hand_fed.py", folder, variables(folder, shop.database_url))
    assert shop.items() == ["a", "b"]
    assert shop.written() == [("a", 1), ("b", 1)]


def test_its_consumer_reads_the_log(shop: Shop, folder: Path, rabbitmq_url: str) -> None:
    forget(rabbitmq_url, ["till.events"], ["shop"])
    with Connection(rabbitmq_url) as connection, connection.channel() as channel:
        channel.queue_declare("till.events", durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})
        for name in "ab":
            properties, body = message("till", "Sold", {"name": name}, subject=name, sequence=1)
            channel.basic_publish(amqp.Message(body, delivery_mode=2, **properties), routing_key="till.events")
        surroundings = variables(folder, shop.database_url, RABBITMQ_URL=rabbitmq_url)
        with running(f"{sys.executable} -m infirmary shop consumer", folder, surroundings):
            eventually(lambda: shop.items() == ["a", "b"], because="both messages are applied")
    assert shop.written() == [("a", 1), ("b", 1)]
    forget(rabbitmq_url, ["till.events"], ["shop"])
