"""The check of a broker's identity, before anything is said to it."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def tls_options(url: str, ca_file: Path | None) -> dict[str, Any] | None:
    """Returns what py-amqp needs to be sure of the host, or None for a URL without TLS.

    Args:
        url: Whose host the certificate must be for. Nothing in the URL can turn the check off.
        ca_file: Who must have signed the certificate; None for those whom the system trusts.
    """
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return None
    trusted = {} if ca_file is None else {"ca_certs": str(ca_file)}
    return {"server_hostname": parts.hostname, "cert_reqs": ssl.CERT_REQUIRED, **trusted}
