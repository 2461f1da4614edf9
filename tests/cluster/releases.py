"""Changes releases for as long as a test needs them changed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.cluster import helm


def deployed_revision(release: str) -> str:
    """Returns the revision of a release that is deployed."""
    history = json.loads(helm("history", release, "--output", "json"))
    return str(next(each["revision"] for each in reversed(history) if each["status"] == "deployed"))


@contextmanager
def changed(release: str, chart: str, *values: str) -> Iterator[None]:
    """Gives a release values besides those it has, and takes them away again, whatever happens."""
    before = deployed_revision(release)
    try:
        helm("upgrade", release, chart, "--reuse-values", *values)
        yield
    finally:
        helm("rollback", release, before, "--wait", "--timeout", "4m")
