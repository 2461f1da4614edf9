"""Real servers, started once, and one service on them for each test."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.chaos.broker_side import BrokerSide
from tests.chaos.nemesis.post import Post
from tests.chaos.observed import create_history
from tests.chaos.proxy import Proxy
from tests.chaos.small_scene import COMMANDS, PUBLISHER, REPLIES, SERVICE, SmallScene
from tests.integration.conftest import (
    NewDatabase,
    new_database,
    postgres,
    rabbitmq,
    rabbitmq_url,
    servers,
    stream_port,
    templates,
)

__all__ = ["new_database", "postgres", "rabbitmq", "rabbitmq_url", "servers", "stream_port", "templates"]


OVER_BOTH = pytest.mark.parametrize("side", list(BrokerSide))
"""Plays a scene by either way to a log."""


@pytest.fixture
def side() -> BrokerSide:
    """By which protocol logs go; a test may be told another."""
    return BrokerSide.STREAMS


@pytest.fixture
def scene(
    new_database: NewDatabase, rabbitmq_url: str, stream_port: int, side: BrokerSide, tmp_path: Path
) -> Iterator[SmallScene]:
    """The ward with a fresh database; its logs and those that it reads are new."""
    if side is BrokerSide.STREAMS and not stream_port:
        pytest.skip("this broker does not speak the stream protocol")
    database_url = new_database(SERVICE).database_url
    create_history(database_url)
    with Post(rabbitmq_url) as post:
        for log in (f"{SERVICE}.events", REPLIES, f"{PUBLISHER}.events", COMMANDS):
            post.delete(log)
        post.disown(SERVICE)
        post.declare_log(f"{PUBLISHER}.events")
        post.declare_log(COMMANDS)
    with Proxy(stream_port if side is BrokerSide.STREAMS else urlsplit(rabbitmq_url).port or 0) as proxy:
        scene = SmallScene(database_url, rabbitmq_url, proxy, tmp_path, side=side)
        yield scene
        scene.close()
        for file in sorted(tmp_path.glob("*.log")):
            print(f"{file.name}:\n{file.read_text()}")
