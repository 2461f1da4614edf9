"""A provider of identities as a process of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.identity import IdentityProvider
from local.ports import free_port
from local.process import Process


@dataclass(frozen=True)
class Issuer:
    """One that runs, or did."""

    url: str
    process: Process
    tokens: Mapping[str, str]
    """By the name of the variable: HOSPITAL_TOKEN is good for everything."""


@contextmanager
def issuing(folder: Path, port: int | None = None) -> Iterator[Issuer]:
    """Runs an issuer with a key of its own."""
    provider = IdentityProvider(folder, folder / "issuer.log", port or free_port())
    provider.launch()
    try:
        yield Issuer(provider.settings["OIDC_ISSUER"], provider.process, provider.tokens())
    finally:
        provider.process.stop()
