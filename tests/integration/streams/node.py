"""A private node that speaks the stream protocol with and without TLS, and lets certificates log in."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infirmary_streams.address import StreamAddress
from local.ports import LOOPBACK, free_port
from local.servers.rabbitmq import RabbitMQServer

WARD = "ward"
"""A service's user, who may write ward.events and read everybody's events; it has a certificate as well."""

_AUTHORITY = "openssl req -x509 -newkey rsa:2048 -nodes -keyout {0}.key -out {0}.pem -days 2 -subj /CN={0}"
_CERTIFICATE = """
openssl req -newkey rsa:2048 -nodes -keyout {0}.key -out {0}.csr -subj /CN={0}
echo "subjectAltName=DNS:{0}" >{0}.ext
openssl x509 -req -in {0}.csr -CA {1}.pem -CAkey {1}.key -CAcreateserial -days 2 -out {0}.pem -extfile {0}.ext
"""


def make_certificates(folder: Path) -> Path:
    """Makes the authorities ca and other-ca, and certificates for localhost, ward, nobody and a stranger."""
    script = "\n".join(
        [
            *(_AUTHORITY.format(name) for name in ("ca", "other-ca")),
            *(_CERTIFICATE.format(name, "ca") for name in ("localhost", WARD, "nobody")),
            _CERTIFICATE.format("stranger", "other-ca"),
        ]
    )
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, capture_output=True)
    return folder


class StreamNode(RabbitMQServer):
    """RabbitMQ with a second listener of the stream protocol, for TLS."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        super().__init__(data_dir, users={WARD: []})
        self.tls_port = free_port()
        self.certificates = make_certificates(data_dir / "certificates")

    def write_configuration(self) -> None:
        super().write_configuration()
        here = self.certificates
        plugins = self.data_dir / "enabled_plugins"
        plugins.write_text(plugins.read_text().replace("]", ",rabbitmq_auth_mechanism_ssl]"))
        with (self.data_dir / "rabbitmq.conf").open("a") as configuration:
            configuration.write(
                f"stream.listeners.ssl.1 = {LOOPBACK}:{self.tls_port}\n"
                f"stream.advertised_tls_host = localhost\n"
                f"stream.advertised_tls_port = {self.tls_port}\n"
                f"ssl_options.cacertfile = {here}/ca.pem\n"
                f"ssl_options.certfile = {here}/localhost.pem\n"
                f"ssl_options.keyfile = {here}/localhost.key\n"
                "ssl_options.verify = verify_peer\n"
                "ssl_options.fail_if_no_peer_cert = false\n"
                "ssl_cert_login_from = common_name\n"
                "auth_mechanisms.1 = PLAIN\n"
                "auth_mechanisms.2 = EXTERNAL\n"
            )

    def address(self, user: str | None = None) -> StreamAddress:
        """Where streams are spoken without TLS, as the administrator or another user."""
        return StreamAddress.beside(self.url if user is None else self.url_of(user), self.stream_port)

    def control(self, *command: str) -> str:
        """What rabbitmqctl says to a command."""
        done = subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--silent", *command],
            env=self._environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def close_connections(self) -> None:
        """Closes all connections of the stream protocol, as its page for operators does."""
        close = '(catch gen_server:call(Connection, {shutdown, <<"for the test">>}))'
        self.control("eval", f"[{close} || Connection <- rabbit_networking:local_non_amqp_connections()].")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops the node where it stands, and lets it go on."""
        self.processes[-1].send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.processes[-1].send(signal.SIGCONT)
