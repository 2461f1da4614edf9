"""Keeps an authority and certificates in Kubernetes' Secrets, and makes those that are missing or near their end."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import httpx

from local.certificates.issuing import Pair, issued, must_be_made, new_authority

AUTHORITY: Final = "hospital-authority"
"""The Secret with the authority's own certificate and key."""

CERTIFICATE, KEY, TRUSTED, BOTH = "tls.crt", "tls.key", "ca.crt", "tls-combined.pem"
"""The keys of a Secret, as cert-manager writes them; the last is for MongoDB, which wants both in one file."""


class Secrets(Protocol):
    """Where Secrets are kept."""

    @property
    def namespace(self) -> str:
        """Where they are, and the servers."""

    def get(self, name: str) -> dict[str, bytes] | None:
        """Returns what a Secret holds; None if there is none."""

    def keep(self, name: str, data: dict[str, bytes]) -> None:
        """Makes a Secret, or gives the one that is there these contents."""


@dataclass(frozen=True, slots=True)
class InKubernetes:
    """The Secrets of a namespace.

    Attributes:
        kubernetes: A client with Kubernetes' address and a token.
        namespace: Where they are.
    """

    kubernetes: httpx.Client
    namespace: str

    def get(self, name: str) -> dict[str, bytes] | None:
        """Returns what a Secret holds; None if there is none.

        Raises:
            httpx.HTTPError: Kubernetes is away, or refuses.
        """
        answer = self.kubernetes.get(self._path(name))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        return {key: base64.b64decode(value) for key, value in (answer.json().get("data") or {}).items()}

    def keep(self, name: str, data: dict[str, bytes]) -> None:
        """Makes a Secret, or gives the one that is there these contents.

        It is applied, not created: of those who apply, Kubernetes can ask by name whether they may make it.

        Raises:
            httpx.HTTPError: Kubernetes is away, or refuses.
        """
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "infirmary"}},
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }
        self.kubernetes.patch(
            self._path(name),
            params={"fieldManager": "certificates", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            json=secret,
        ).raise_for_status()

    def _path(self, name: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets/{name}"


def names_of(host: str, namespace: str) -> tuple[str, ...]:
    """Returns the names by which a Service is called.

    Those of the cluster, and those of whoever reaches it through a port of this machine: forwarded, or of a node in it.
    """
    full = f"{host}.{namespace}.svc.cluster.local"
    return (host, f"{host}.{namespace}", f"{host}.{namespace}.svc", full, "localhost", "127.0.0.1")


def keep_certificates(secrets: Secrets, hosts: Iterable[str], now: datetime) -> list[str]:
    """Sees to it that each host has a certificate, under `<host>-tls`, and returns the Secrets that were written.

    An authority that is there is never made anew, whatever it holds: nobody would trust what it has vouched for.

    Raises:
        httpx.HTTPError: Kubernetes is away, or refuses.
        LookupError: There is an authority, but it is not whole.
        ValueError: Nor are its certificate and key such.
    """
    written = []
    held = secrets.get(AUTHORITY)
    if held is None:
        authority = new_authority(now)
        secrets.keep(AUTHORITY, _data(authority, authority))
        written.append(AUTHORITY)
    elif not (held.get(CERTIFICATE) and held.get(KEY)):
        raise LookupError(f"the Secret {AUTHORITY} should have {CERTIFICATE} and {KEY}; without it a new one is made")
    else:
        authority = Pair(held[CERTIFICATE], held[KEY])
    for host in hosts:
        name, names = f"{host}-tls", names_of(host, secrets.namespace)
        if must_be_made((secrets.get(name) or {}).get(CERTIFICATE), authority, names, now):
            secrets.keep(name, _data(issued(authority, names, now), authority))
            written.append(name)
    return written


def _data(pair: Pair, authority: Pair) -> dict[str, bytes]:
    return {
        CERTIFICATE: pair.certificate,
        KEY: pair.key,
        TRUSTED: authority.certificate,
        BOTH: pair.key + pair.certificate,
    }
