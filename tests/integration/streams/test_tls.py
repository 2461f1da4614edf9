"""TLS: the broker shows its certificate for its name, and a client's own logs it in."""

from dataclasses import replace
from pathlib import Path

import pytest

from infirmary_streams import codes
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import RefusedError, StreamLostError
from tests.integration.streams.client import TIMEOUT_S, Client
from tests.integration.streams.node import WARD, StreamNode
from tests.integration.streams.stand_in import StandIn


def encrypted(node: StreamNode, name: str = "localhost") -> StreamAddress:
    """As the administrator, by password."""
    return replace(node.address(), host=name, port=node.tls_port, tls=True, ca_file=node.certificates / "ca.pem")


def by_certificate(node: StreamNode, name: str) -> StreamAddress:
    mine = (node.certificates / f"{name}.pem", node.certificates / f"{name}.key")
    return replace(encrypted(node), user="", password="", certificate=mine)


def opened(address: StreamAddress) -> Conversation:
    return Conversation(address, name="test", timeout_s=TIMEOUT_S)


def test_messages_go_through_tls(node: StreamNode, log: str) -> None:
    large = [bytes(range(256)) * 4000 for _ in range(4)]
    with Client(encrypted(node)) as client:
        client.write(log, *large)
        assert client.read(log, 4) == large
        assert client.link.advertised == Endpoint("localhost", node.tls_port)


def test_the_systems_authorities_are_trusted_where_none_are_named(
    node: StreamNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(node.certificates / "ca.pem"))
    opened(replace(encrypted(node), ca_file=None)).close()
    monkeypatch.setenv("SSL_CERT_FILE", str(node.certificates / "other-ca.pem"))
    with pytest.raises(StreamLostError, match="certificate verify failed"):
        opened(replace(encrypted(node), ca_file=None))


def test_a_broker_of_another_name_is_told_no_password(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match=r"certificate is not valid for '127\.0\.0\.1'"):
        opened(encrypted(node, "127.0.0.1"))


def test_a_broker_of_another_authority_is_told_no_password(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match="certificate verify failed"):
        opened(replace(encrypted(node), ca_file=node.certificates / "other-ca.pem"))


@pytest.fixture
def knows_certificates(node: StreamNode) -> None:
    with opened(node.address()) as administrators:
        version = tuple(map(int, administrators.of_broker["version"].split(".")))
    if version < (3, 11, 18) or version[:3] == (3, 12, 0):
        pytest.skip("this RabbitMQ fails where somebody logs in to streams by a certificate (rabbitmq-server, 8488)")


@pytest.mark.usefixtures("knows_certificates")
def test_a_certificate_logs_in_as_the_user_that_it_names(node: StreamNode) -> None:
    with opened(by_certificate(node, WARD)) as wards:
        wards.create("ward.to.bed", {})
        wards.may_publish("ward.to.bed")
        wards.delete("ward.to.bed")
        with pytest.raises(RefusedError) as refused:
            wards.create("bed.events", {})
        assert refused.value.code == codes.ACCESS_REFUSED


@pytest.mark.usefixtures("knows_certificates")
def test_a_certificate_that_names_nobody_is_refused(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match="certificate: authentication failed"):
        opened(by_certificate(node, "nobody"))


def test_a_certificate_is_shown_and_no_password_told(node: StreamNode) -> None:
    with StandIn(node.certificates) as broker:
        address = replace(by_certificate(node, WARD), port=broker.port)
        with opened(address) as wards:
            assert wards.of_broker == {"product": "stand-in"}
            assert wards.frame_max == 1 << 20
            assert wards.advertised is None
    assert broker.subjects == [WARD]
    (said,) = (asked for asked in broker.asked if asked["command"] == "sasl authenticate")
    assert (said["mechanism"], said["data"]) == ("EXTERNAL", b"")
    asked = [each["command"] for each in broker.asked]
    assert asked == ["peer properties", "sasl handshake", "sasl authenticate", "tune", "open", "close"]


def test_a_certificate_of_another_authority_is_refused(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match=f"streams at localhost:{node.tls_port} failed"):
        opened(by_certificate(node, "stranger"))


def test_a_user_that_is_named_logs_in_by_password_beside_a_certificate(node: StreamNode) -> None:
    named = replace(encrypted(node), certificate=by_certificate(node, WARD).certificate)
    with opened(named) as administrators:
        administrators.create("bed.events", {})
        administrators.delete("bed.events")


def test_files_that_are_missing_are_told(node: StreamNode, tmp_path: Path) -> None:
    nowhere, address = tmp_path / "nowhere.pem", by_certificate(node, WARD)
    for wrong in (replace(address, certificate=(nowhere, nowhere)), replace(address, ca_file=nowhere)):
        with pytest.raises(StreamLostError, match="No such file"):
            opened(wrong)
