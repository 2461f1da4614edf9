"""Runs the provider until it is told to stop: `python -m local.issuer --port 8090 --tokens FILE`."""

import time
from pathlib import Path

import click

from local.credentials import write_private
from local.issuer.answering import documents_of, server_of
from local.issuer.login import Login
from local.issuer.roles import roles_of, variable_of
from local.issuer.signing import Signer
from local.ports import LOOPBACK
from local.rundir import environment_lines


@click.command()
@click.option("--port", type=int, required=True, help="where it listens, on the loopback interface")
@click.option("--audience", default="infirmary", help="for whom its tokens are made out")
@click.option("--key", type=click.Path(path_type=Path), help="a file that keeps the key; made when it is missing")
@click.option(
    "--tokens", type=click.Path(path_type=Path), required=True, help="the file to write a token per role into"
)
def main(port: int, audience: str, key: Path | None, tokens: Path) -> None:
    """Makes a key and a token for each role, writes the tokens into a file, answers for the key, and logs pages in."""
    signer = Signer(issuer_at(port), key)
    now_s = int(time.time())
    roles = roles_of()
    made = {
        variable_of(role): signer.token(signer.claims(role, scopes, audience, now_s)) for role, scopes in roles.items()
    }
    write_private(tokens, environment_lines(made))  # before it answers /readyz: who waits for that finds them
    with server_of(port, documents_of(signer), Login(signer, roles, audience)) as server:
        server.serve_forever()


def issuer_at(port: int) -> str:
    """Returns what the provider on a port calls itself."""
    return f"http://{LOOPBACK}:{port}"


if __name__ == "__main__":
    main()
