"""Makes images of the tests' own and puts them where the cluster finds them, as docs/kubernetes.md says."""

import subprocess
from pathlib import Path
from typing import Any

from kubernetes import config

KIND = "kind-"


def build_image(name: str, context: Path) -> None:
    """Builds an image from a folder with a Dockerfile, and loads it into the cluster if that is one of kind's.

    Raises:
        subprocess.CalledProcessError: One of the two failed.
    """
    subprocess.run(["docker", "build", "--quiet", "--tag", name, str(context)], check=True, stdout=subprocess.DEVNULL)
    load_image(name)


def load_image(name: str) -> None:
    """Puts an image that is there where the cluster finds it, if that is one of kind's.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    contexts: Any = config
    current = str(contexts.list_kube_config_contexts()[1]["name"])
    if current.startswith(KIND):
        cluster = current.removeprefix(KIND)
        subprocess.run(["kind", "load", "docker-image", name, "--name", cluster], check=True)
