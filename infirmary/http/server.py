"""Runs a service's application under gunicorn, configured by the service's own settings."""

import ctypes
import gc
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from prometheus_client import REGISTRY

from infirmary.http.api_health import ApiHealth
from infirmary.http.certificate import Certificate
from infirmary.http.on_record import close_record
from infirmary.http.pool import PoolCollector
from infirmary.http.worker import BufferingWorker
from infirmary.observing import health
from infirmary.settings import Settings, refused

GRACE_S = 20
_PR_SET_PDEATHSIG = 1
_NO_HEADER_LEADS: Final[dict[str, Any]] = {
    "forwarded_allow_ips": "",
    "forwarder_headers": "",
    "secure_scheme_headers": {},
    "header_map": "drop",
}
"""No header of a client's stands for the path, the scheme, or who is asking: nothing here lies behind a proxy that
would say so, and gunicorn trusts whatever comes from the same machine or through a port-forward."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One master and one worker with threads; more of them are more pods."""

    def __init__(self, load: Callable[[], Flask], settings: Settings) -> None:
        """Prepares the server.

        Args:
            load: Makes the application, in the worker: connections and threads must not be shared over a fork.
            settings: Host, port and threads.
        """
        self._load_application = load
        self._settings = settings
        self._certificate = _certificate(settings)
        self._probed_at = health.listen(settings.http_host, settings.metrics_port_of("api"))
        super().__init__()

    def load_config(self) -> None:
        """Gives gunicorn its settings."""
        chosen = {
            "bind": f"{self._settings.http_host}:{self._settings.http_port}",
            "worker_class": BufferingWorker,
            "workers": 1,
            "threads": self._settings.http_threads,
            "graceful_timeout": GRACE_S,
            "post_fork": _die_with_master,
            "post_worker_init": self._serve_probes,
            "worker_exit": _close_storage,
            "worker_tmp_dir": "/dev/shm" if sys.platform == "linux" else None,  # noqa: S108 - gunicorn's advice: no disk
            "control_socket_disable": True,
            **_NO_HEADER_LEADS,
            **self._tls(),
        }
        for key, value in chosen.items():
            if key in self.cfg.settings:
                self.cfg.set(key, value)

    def _tls(self) -> dict[str, str]:
        """Returns what makes the application know that it is asked over HTTPS; the worker speaks it by itself."""
        files = self._settings.http_certificate_files
        return {} if files is None else {"certfile": str(files[0]), "keyfile": str(files[1])}

    def load(self) -> Flask:
        """Makes the application."""
        return self._load_application()

    def _serve_probes(self, worker: Any) -> None:
        """Answers probes in the worker, which has what is measured; the port is taken before, and by the master."""
        gc.freeze()  # what was imported stays: a collection that went through all of it would keep requests waiting
        storage = worker.wsgi.extensions["storage"]
        worker.health = ApiHealth(storage)
        worker.certificate = self._certificate
        REGISTRY.register(PoolCollector(storage.pool))
        health.serve(worker.health, self._probed_at)


def _certificate(settings: Settings) -> Certificate | None:
    if settings.http_certificate_files is None:
        return None
    try:
        return Certificate(*settings.http_certificate_files)
    except (OSError, ValueError) as error:
        raise refused([f"HTTP_CERTIFICATE_FILE, HTTP_KEY_FILE: should be a certificate and its key: {error}"]) from None


def _die_with_master(_server: Any, _worker: Any) -> None:
    """Without its master a worker would hold the port against the one that is started in its place."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _close_storage(_server: Any, worker: Any) -> None:
    """Left to the end of the interpreter, which no thread outlives, the pool would wait 5 s for each of its own."""
    app = getattr(worker, "wsgi", None)  # gunicorn sets it when the application is there
    if app is not None:
        close_record(app)
        app.extensions["storage"].close()
