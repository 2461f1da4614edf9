"""A provider of identities as a process of its own."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.identity import IdentityProvider
from local.issuer.roles import roles_of
from local.issuer.signing import Signer
from local.ports import free_port
from local.process import Process


@dataclass(frozen=True)
class Issuer:
    """One that runs, or did."""

    url: str
    process: Process
    tokens: Mapping[str, str]
    """By the name of the variable: HOSPITAL_TOKEN is good for everything."""
    signer: Signer

    def headers(self, **claims: Any) -> dict[str, str]:
        """Returns what a doctor sends of whom something else is said, too."""
        said = self.signer.claims("doctor", roles_of()["doctor"], "infirmary", int(time.time()))
        return {"Authorization": f"Bearer {self.signer.token({**said, **claims})}"}


@contextmanager
def issuing(folder: Path, port: int | None = None) -> Iterator[Issuer]:
    """Runs an issuer with a key of its own."""
    provider = IdentityProvider(folder, folder / "issuer.log", port or free_port())
    provider.launch()
    try:
        url, tokens = provider.settings["OIDC_ISSUER"], provider.tokens()
        yield Issuer(url, provider.process, tokens, Signer(url, folder / "issuer-key.json"))
    finally:
        provider.process.stop()
