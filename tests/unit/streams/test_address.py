"""Where the stream protocol is spoken follows from the URL of AMQP."""

from pathlib import Path

import pytest

from infirmary_streams.address import StreamAddress, stream_port
from infirmary_streams.commands import Endpoint

CERTIFICATE = (Path("client.pem"), Path("client.key"))


@pytest.mark.parametrize(
    ("url", "chosen", "port"),
    [
        ("amqp://broker", None, 5552),
        ("amqp://broker:5672/ward", None, 5552),
        ("amqps://broker", None, 5551),
        ("amqps://broker:5671", None, 5551),
        ("amqp://broker:5671", None, 0),
        ("amqps://broker:5672", None, 0),
        ("amqp://broker:15672", None, 0),
        ("amqp://broker", 0, 0),
        ("amqp://broker:15672", 7, 7),
        ("http://broker", None, 0),
    ],
)
def test_the_port_is_the_usual_one_beside_amqps_usual_one(url: str, chosen: int | None, port: int) -> None:
    assert stream_port(url, chosen) == port


def test_account_and_virtual_host_are_those_of_amqp() -> None:
    address = StreamAddress.beside("amqp://us%40er:pa%2Fss@broker:5672/a%2Fb", 5552)
    assert address == StreamAddress("broker", 5552, "us@er", "pa/ss", "a/b")
    assert address.at(Endpoint("leader", 1)) == StreamAddress("leader", 1, "us@er", "pa/ss", "a/b")
    assert str(address.endpoint) == "broker:5552"


def test_nothing_that_is_named_is_the_brokers_default() -> None:
    assert StreamAddress.beside("amqp://broker", 5552) == StreamAddress("broker", 5552, "guest", "guest", "/")
    assert StreamAddress.beside("amqps://broker/%2F", 5551).tls


def test_a_certificate_logs_in_where_no_user_is_named() -> None:
    by_certificate = StreamAddress.beside("amqps://broker/ward", 5551, certificate=CERTIFICATE)
    assert (by_certificate.user, by_certificate.password) == ("", "")
    named = StreamAddress.beside("amqps://ward:secret@broker/ward", 5551, certificate=CERTIFICATE)
    assert (named.user, named.password) == ("ward", "secret")
    assert by_certificate.certificate == named.certificate == CERTIFICATE


@pytest.mark.parametrize("url", ["http://broker", "broker:5672", "amqp://", "amqp:///ward", ""])
def test_what_is_no_url_of_amqp_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="amqp://user:password@host:port/vhost"):
        StreamAddress.beside(url, 5552)


def test_a_certificate_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = StreamAddress.beside("amqps://broker", 5551, ca_file=tmp_path / "ca.pem")
    with pytest.raises(OSError, match="No such file"):
        missing.context()
