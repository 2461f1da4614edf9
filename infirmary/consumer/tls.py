"""The check of a broker's identity, before anything is said to it."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def logs_in_by_certificate(url: str, certificate: tuple[Path, Path] | None) -> bool:
    """Says whether the client's certificate says who it is, because the URL names nobody."""
    return certificate is not None and not urlsplit(url).username


def tls_options(url: str, ca_file: Path | None, certificate: tuple[Path, Path] | None = None) -> dict[str, Any] | None:
    """Returns what py-amqp needs to be sure of the host, or None for a URL without TLS.

    Args:
        url: Whose host the certificate must be for. Nothing in the URL can turn the check off.
        ca_file: Who must have signed the certificate; None for those whom the system trusts.
        certificate: The client's own, and the file of its key.
    """
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return None
    trusted = {} if ca_file is None else {"ca_certs": str(ca_file)}
    own = {} if certificate is None else {"certfile": str(certificate[0]), "keyfile": str(certificate[1])}
    return {"server_hostname": parts.hostname, "cert_reqs": ssl.CERT_REQUIRED, **trusted, **own}
