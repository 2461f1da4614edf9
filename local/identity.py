"""The provider of identities of one hospital on this machine: `local.issuer` as a process of its own."""

import sys
from pathlib import Path

from local.issuer.__main__ import issuer_at
from local.issuer.codes import CLIENT
from local.process import Process
from local.readiness import wait_until_ready
from local.rundir import REPOSITORY, variables_in

READY_DEADLINE_S = 60.0


class IdentityProvider:
    """Whom the APIs ask for the keys of people's tokens."""

    def __init__(self, folder: Path, log: Path, port: int) -> None:
        """Prepares the process.

        Args:
            folder: For its key and its tokens, which only their owner can read.
            log: What it says.
            port: Where it listens.
        """
        self._key, self._tokens, self._port = folder / "issuer-key.json", folder / "tokens.env", port
        self.settings = {"OIDC_ISSUER": issuer_at(port), "OIDC_AUDIENCE": "infirmary", "OIDC_DOCS_CLIENT": CLIENT}
        """What a service has to be told."""
        command = [sys.executable, "-m", "local.issuer", "--port", str(port)]
        command += ["--key", str(self._key), "--tokens", str(self._tokens)]
        self.process = Process("issuer", command, log, working_dir=REPOSITORY)

    def launch(self) -> None:
        """Starts it with a new key, which it keeps when it is killed and started again: tokens stay good."""
        self._key.unlink(missing_ok=True)
        self.process.start()

    def tokens(self) -> dict[str, str]:
        """Waits until it answers, and returns a token for each role by the name of its variable.

        Raises:
            LocalError: It does not answer in time.
        """
        wait_until_ready({self.process.name: self._port}, READY_DEADLINE_S)
        return variables_in(self._tokens)
