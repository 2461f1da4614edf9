"""The operators of production, built from their modules and put into the cluster: python -m tests.production.operators.

A registry would serve them ready-made; where there is none, `go` builds the same source. What was built is kept.
"""

import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.images import build_image
from tests.production.modules import CLOUDNATIVE_PG, MONGODB, RABBITMQ, module_folder

CACHE_VARIABLE = "INFIRMARY_OPERATORS"
MODE_OF_A_PROGRAM = 0o755
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "amd64"
"""Of this machine, in Go's words; kind's nodes have the same."""


NEEDS_NOTHING = "scratch"
HAS_A_SHELL = "python:3.13-slim"
"""What images are made from. Any that has `cp` will do for the second; this one is there for the services."""


@dataclass(frozen=True)
class Operator:
    """One program, of an operator or of its pods: its source, its image, and where in that it is looked for."""

    name: str
    module: str
    package: str
    image: str
    programs: tuple[str, ...]
    base: str = NEEDS_NOTHING

    @property
    def version(self) -> str:
        """The version of its module, without the v."""
        return self.module.rpartition("@v")[2]


OPERATORS = {
    operator.name: operator
    for operator in (
        Operator("rabbitmq", RABBITMQ, ".", "rabbitmqoperator/cluster-operator:2.16.0", ("manager",)),
        Operator(
            "postgresql", CLOUDNATIVE_PG, "./cmd/manager", "ghcr.io/cloudnative-pg/cloudnative-pg:1.27.0",
            # The second one is what it offers to the pods that it makes.
            ("manager", f"operator/manager_{ARCHITECTURE}"),
        ),
        Operator(
            "mongodb", MONGODB, "./cmd/manager", "quay.io/mongodb/mongodb-kubernetes-operator:0.13.0",
            ("usr/local/bin/entrypoint",),
        ),
        Operator(
            "mongodb-hook", MONGODB, "./cmd/versionhook",
            "quay.io/mongodb/mongodb-kubernetes-operator-version-upgrade-post-start-hook:1.0.10",
            ("version-upgrade-hook",), HAS_A_SHELL,
        ),
        Operator(
            "mongodb-probe", MONGODB, "./cmd/readiness", "quay.io/mongodb/mongodb-kubernetes-readinessprobe:1.0.23",
            ("probes/readinessprobe",), HAS_A_SHELL,
        ),
    )
}  # fmt: skip


def cache_folder() -> Path:
    """Returns where built programs are kept: $INFIRMARY_OPERATORS, or below the user's cache."""
    below = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(CACHE_VARIABLE) or below / "infirmary-operators")


def program(operator: Operator) -> Path:
    """Returns an operator's program, which is built when it is not in the cache: minutes, the first time.

    Raises:
        subprocess.CalledProcessError: It cannot be built.
    """
    path = cache_folder() / f"{operator.name}-{operator.version}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        target = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": ARCHITECTURE}
        subprocess.run(
            ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(unfinished), operator.package],
            check=True, cwd=module_folder(operator.module), env={**os.environ, **target},
        )  # fmt: skip
        unfinished.rename(path)
    return path


def bring(operator: Operator) -> None:
    """Makes an operator's image under its official name and puts it where the cluster finds it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place in operator.programs:
            target = folder / "root" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(program(operator), target)
            target.chmod(MODE_OF_A_PROGRAM)
        lines = (f"FROM {operator.base}", "COPY root/ /", "WORKDIR /", "USER 65532:65532", 'ENTRYPOINT ["/manager"]')
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        build_image(operator.image, folder)


if __name__ == "__main__":
    for each in OPERATORS.values():
        print(f"{each.image}: building {each.module}", flush=True)
        bring(each)
