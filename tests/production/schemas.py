"""The definitions of the operators' resources, in the cluster for as long as a test needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.production.kubectl import kubectl
from tests.production.modules import schemas

KIND = "customresourcedefinition.apiextensions.k8s.io/"


@contextmanager
def schemas_of(*modules: str) -> Iterator[None]:
    """Lets the cluster know the modules' resources. What it knew before stays as it is: somebody may use it."""
    known = set(kubectl("get", "customresourcedefinitions", "--output=name").split())
    missing = {KIND + name: text for name, text in schemas(*modules).items() if KIND + name not in known}
    try:
        if missing:
            kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given="\n---\n".join(missing.values()))
            kubectl("wait", "--for=condition=Established", "--timeout=60s", *missing)
        yield
    finally:
        if missing:
            kubectl("delete", "--ignore-not-found", "--wait=false", *missing)
