"""The three servers: they keep their data over a SIGKILL, and shut each service in with its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import amqp
import psycopg
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from local.servers import MongoServer, PostgresServer, RabbitMQServer
from tests.integration.local.waiting import eventually, is_gone


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        server.databases.revoke_public_connect()
        yield server


def test_a_role_reaches_its_own_database_and_no_other(postgres: PostgresServer) -> None:
    wards = postgres.databases.create("wards", "first")
    postgres.databases.create("charts", "second")
    postgres.databases.make_template("empty", lambda _url: None)
    with psycopg.connect(wards) as session:
        session.execute("CREATE TABLE bed (id int)")
    for other in ("charts", "postgres", "template1", "template0", "empty"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wards, dbname=other)


def test_the_rights_alone_shut_a_role_out_whatever_the_host_rules_say(postgres: PostgresServer) -> None:
    postgres.databases.create("lab_results", "third")
    postgres.databases.create("billing", "fourth")
    with psycopg.connect(postgres.url) as session:
        rights = session.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND has_database_privilege('billing', oid, 'CONNECT')"
        )
        assert rights.fetchall() == [("billing",)]


def test_a_wrong_password_is_refused_and_a_second_creation_keeps_the_data(postgres: PostgresServer) -> None:
    url = postgres.databases.create("patients", "fifth")
    with psycopg.connect(url) as session:
        session.execute("CREATE TABLE patient (id int)")
    postgres.databases.create("patients", "fifth")
    with psycopg.connect(url) as session:
        assert session.execute("SELECT count(*) FROM patient").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, password="wrong")


def test_a_clone_has_the_templates_tables_belongs_to_its_own_role_and_is_dropped(postgres: PostgresServer) -> None:
    def migrate(url: str) -> None:
        with psycopg.connect(url) as session:
            session.execute("CREATE TABLE stock (code text PRIMARY KEY)")

    for _ in range(2):  # a server that was given may have the template of an earlier run
        postgres.databases.make_template("inventory_template", migrate)
    with postgres.databases.clone("inventory_template") as url:
        with psycopg.connect(url) as session:
            session.execute("INSERT INTO stock VALUES ('aspirin')")
            session.execute("ALTER TABLE stock RENAME COLUMN code TO medication_code")
        with postgres.databases.clone("inventory_template") as other, psycopg.connect(other) as session:
            assert session.execute("SELECT count(code) FROM stock").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_postgres_is_back_after_a_kill_on_the_same_port_with_its_data(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as server:
        with psycopg.connect(server.url) as session:
            session.execute("CREATE TABLE kept (id int)")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url)
        server.start()
        with psycopg.connect(server.url) as session:
            assert session.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@contextmanager
def channel(url: str) -> Iterator[amqp.Channel]:
    parts = urlsplit(url)
    connection = amqp.Connection(
        f"{parts.hostname}:{parts.port}", userid=parts.username, password=parts.password, virtual_host=parts.path[1:]
    )
    connection.connect()
    try:
        yield connection.channel()
    finally:
        connection.collect()  # closes the socket without a word to a node that may be gone


def fetch(lab: amqp.Channel, queue: str) -> str | None:
    message = lab.basic_get(queue, no_ack=True)
    return None if message is None else message.body


def test_rabbitmq_is_back_after_a_kill_with_its_data_and_leaves_nothing_at_its_end(tmp_path: Path) -> None:
    arguments = {"x-queue-type": "quorum"}
    with RabbitMQServer(tmp_path, users={"lab": [], "ward": ["lab.to.ward"]}) as server:
        with channel(server.url_of("lab")) as lab:
            lab.queue_declare("lab.inbox", durable=True, auto_delete=False, arguments=arguments)
            # A node that is killed within half a second of the declaration may forget the queue.
            declared_at = time.monotonic()
            assert eventually(lambda: time.monotonic() > declared_at + 1.0)
        with channel(server.url) as administrator:
            administrator.confirm_select()
            administrator.basic_publish_confirm(amqp.Message("kept", delivery_mode=2), routing_key="lab.inbox")
        server.kill()
        server.start()
        with channel(server.url_of("lab")) as lab:
            assert eventually(lambda: fetch(lab, "lab.inbox") == "kept")
        with channel(server.url_of("ward")) as ward, pytest.raises(amqp.AccessRefused):
            ward.basic_get("lab.inbox")
        pids = [process.pid for process in server.processes if process.pid is not None]
        assert len(pids) == 2
    assert all(map(is_gone, pids))


def test_a_user_of_the_broker_reads_events_what_it_says_and_what_is_said_to_it_and_declares_its_own(
    tmp_path: Path,
) -> None:
    stream = {"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "stream"}}
    with RabbitMQServer(tmp_path, users={"lab": [], "ward": ["lab.to.ward"], "chart": ["lab"]}) as server:
        with channel(server.url_of("lab")) as lab:
            for log in ("lab.events", "lab.to.ward", "lab.to.ward.1"):
                lab.queue_declare(log, **stream)
        for user, log, may in (
            ("chart", "lab.events", True), ("ward", "lab.to.ward", True), ("ward", "lab.to.ward.1", True),
            ("lab", "lab.events", True), ("lab", "lab.to.ward", True), ("chart", "lab.to.ward", False),
        ):  # fmt: skip
            with channel(server.url_of(user)) as reader, nullcontext() if may else pytest.raises(amqp.AccessRefused):
                reader.basic_qos(0, 1, False)
                reader.basic_consume(log)
        for log in ("lab.events", "lab.to.ward", "ward.to", "anything"):
            with channel(server.url_of("ward")) as ward, pytest.raises(amqp.AccessRefused):
                ward.queue_declare(log, **stream)


def test_mongodb_is_back_after_a_kill_with_its_data_and_lets_a_user_into_one_database(tmp_path: Path) -> None:
    with MongoServer(tmp_path) as server:
        url = server.create_database("notifications")
        with MongoClient[dict[str, int]](url) as client:
            client["notifications"]["sent"].insert_one({"_id": 1})
            with pytest.raises(OperationFailure, match="not authorized"):
                client["other"]["sent"].insert_one({"_id": 1})
        server.kill()
        server.start()
        assert server.create_database("notifications") == url
        with MongoClient[dict[str, int]](url) as client:
            assert client["notifications"]["sent"].find_one() == {"_id": 1}
