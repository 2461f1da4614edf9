"""Puts the operators into the cluster with their own manifests, and takes them out again.

The manifests are those of the operators' modules; only images, pull policies and what they may watch are said here.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.production.kubectl import kubectl
from tests.production.modules import CLOUDNATIVE_PG, MONGODB, RABBITMQ, module_folder
from tests.production.operators import OPERATORS

_PULL_NOTHING = """
  - target: { kind: Deployment }
    patch: |
      - { op: add, path: /spec/template/spec/containers/0/imagePullPolicy, value: IfNotPresent }
"""

# It watches one namespace, with rights there only.
_MONGODB_RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: mongodb-kubernetes-operator }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: mongodb-kubernetes-operator }
subjects: [{ kind: ServiceAccount, name: mongodb-kubernetes-operator, namespace: mongodb-system }]
"""


def kustomizations(watched: str) -> dict[str, str]:
    """Returns the text of each operator's kustomization; its module's own files lie beside it in `source`.

    Args:
        watched: The namespace of the hospital.
    """
    mongodb = OPERATORS["mongodb"]
    watch = f"{{ name: WATCH_NAMESPACE, value: {watched} }}"
    return {
        RABBITMQ: f"""
resources: [source/config/installation]
images: [{{ name: rabbitmqoperator/cluster-operator, newTag: {OPERATORS["rabbitmq"].version} }}]
patches: {_PULL_NOTHING}
""",
        CLOUDNATIVE_PG: f"""
resources: [source/releases/cnpg-{OPERATORS["postgresql"].version}.yaml]
patches: {_PULL_NOTHING}
""",
        MONGODB: f"""
namespace: mongodb-system
resources: [namespace.yaml, source/config/default]
images: [{{ name: quay.io/mongodb/mongodb-kubernetes-operator, newTag: {mongodb.version} }}]
patches: {_PULL_NOTHING}
  - target: {{ kind: Deployment }}
    patch: |
      - {{ op: replace, path: /spec/template/spec/containers/0/env/0, value: {watch} }}
""",
    }


@contextmanager
def installed(watched: str, folder: Path) -> Iterator[None]:
    """Runs the operators for as long as the context lasts.

    Args:
        watched: The namespace of the hospital, which is there already.
        folder: An empty one for the manifests.
    """
    for number, (module, text) in enumerate(kustomizations(watched).items()):
        _write(folder / str(number), module, text)
    try:
        for place in sorted(folder.iterdir()):
            kubectl("apply", "--server-side", "--force-conflicts", "-k", str(place))
        role = module_folder(MONGODB) / "config/rbac/role.yaml"
        kubectl("apply", "--namespace", watched, "-f", str(role))
        kubectl("apply", "--namespace", watched, "-f", "-", given=_MONGODB_RIGHTS)
        for namespace in ("rabbitmq-system", "cnpg-system", "mongodb-system"):
            kubectl(
                "--namespace", namespace, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=300s"
            )
        yield
    finally:
        for place in sorted(folder.iterdir()):
            kubectl("delete", "--ignore-not-found", "--wait=false", "-k", str(place))


def _write(folder: Path, module: str, text: str) -> None:
    folder.mkdir()
    source = module_folder(module)
    for part in ("config", "releases"):
        if (source / part).is_dir():
            # kustomize takes nothing from above its own folder, and Go's cache cannot be written to.
            shutil.copytree(source / part, folder / "source" / part, copy_function=shutil.copyfile)
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
    (folder / "namespace.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: { name: mongodb-system }\n")
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    (folder / "kustomization.yaml").write_text(head + text)
