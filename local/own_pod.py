"""Kubernetes as a pod sees it that has an account there."""

import os
import ssl
from pathlib import Path
from typing import Final

import httpx

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


def kubernetes() -> tuple[httpx.Client, str] | None:
    """Returns a client with Kubernetes' address and the pod's token, and its namespace; None outside of such a pod."""
    token = ACCOUNT / "token"
    if not token.exists():
        return None
    client = httpx.Client(
        base_url=f"https://{os.environ[HOST]}:{os.environ[PORT]}",
        headers={"Authorization": f"Bearer {token.read_text()}"},
        verify=ssl.create_default_context(cafile=ACCOUNT / "ca.crt"),
        trust_env=False,
    )
    return client, (ACCOUNT / "namespace").read_text()
