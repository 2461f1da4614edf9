"""Zipkin as a private server, where there is a Java: it keeps traces in memory and shows them on a page."""

import hashlib
import http.client
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from local.errors import LocalError
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.servers.base import Server
from local.servers.sources import find_program

JAR_VARIABLE: Final = "ZIPKIN_JAR"
OLDEST_JAVA: Final = 17
VERSION: Final = "3.5.1"
SHA256: Final = "7ac633a6832647e71e50012a5e3e91fbc7054414955261724526030faf271d8d"
"""Of the server in one file, as its makers have published it."""

_NAME: Final = f"zipkin-server-{VERSION}-exec.jar"
_CACHE: Final = Path("~/.cache/infirmary")
_MAVEN_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_FETCH_WITHIN_S: Final = 600
_MOST_SPANS: Final = 20_000
_HEAP: Final = ("-Xms64m", "-Xmx320m", "-XX:+ExitOnOutOfMemoryError")
_START_WITHIN_S: Final = 120.0


class ZipkinServer(Server):
    """A private Zipkin."""

    name = "Zipkin"

    def __init__(self, java: str, jar: Path, log: Path, *, port: int | None = None) -> None:
        """Prepares the server; nothing runs before `start`.

        Args:
            java: The program.
            jar: The server in one file.
            log: Where it writes.
            port: A free one when None.
        """
        self._port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self._port}"
        environment = os.environ | {
            "STORAGE_TYPE": "mem",
            "MEM_MAX_SPANS": str(_MOST_SPANS),
            "SELF_TRACING_ENABLED": "false",
        }
        here = (f"--armeria.ports[0].port={self._port}", f"--armeria.ports[0].ip={LOOPBACK}")
        command = [java, *_HEAP, "-jar", str(jar), *here, "--armeria.ports[0].protocols[0]=http"]
        self.processes = (Process(self.name, command, log_path=log, environment=environment),)
        self.description = f"Zipkin, a private server ({jar})"

    @property
    def settings(self) -> dict[str, str]:
        """The variables with which a process sends its traces here."""
        return {"TRACE_EXPORTER": "zipkin", "TRACE_ENDPOINT": self.url}

    def wait_until_ready(self, deadline_s: float = _START_WITHIN_S) -> None:
        """Waits until the server takes spans; a Java is slow to start.

        Raises:
            LocalError: it does not within the deadline; the message has the end of its log.
        """
        super().wait_until_ready(deadline_s)

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """Returns the spans of a trace, as Zipkin writes them; none when it knows no such trace."""
        status, body = self._get(f"/api/v2/trace/{trace_id}")
        found: list[dict[str, Any]] = json.loads(body) if status == 200 else []
        return found

    def _answers(self) -> bool:
        try:
            return self._get("/health")[0] == 200
        except OSError:
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError("Zipkin broke off its answer") from error
        finally:
            connection.close()


def zipkin_for(log: Path, announce: Callable[[str], None]) -> ZipkinServer | None:
    """Returns the server, not yet started, fetching it first if need be; without a Java None, and a line that says why.

    Raises:
        LocalError: it cannot be had here; the message says what to do.
    """
    java = find_java()
    if java is None:
        announce(f"There is no Java of version {OLDEST_JAVA} or later: no Zipkin is started, and no traces are kept")
        return None
    return ZipkinServer(java, zipkin_jar(announce), log)


def find_java() -> str | None:
    """Returns a Java that can run the server."""
    java = find_program("java")
    if java is None:
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return java if version is not None and int(version[1]) >= OLDEST_JAVA else None


def zipkin_jar(announce: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the server's file: the one that ZIPKIN_JAR names, the one fetched before, or one that Maven fetches now.

    Raises:
        LocalError: there is none, or it is not the one that its makers have published.
    """
    given = environment.get(JAR_VARIABLE)
    if given:
        if not Path(given).is_file():
            raise LocalError(f"{JAR_VARIABLE}: there is no file {given}")
        return Path(given)
    jar = _CACHE.expanduser() / _NAME
    if not jar.exists():
        _fetch(jar.parent, announce)
    if hashlib.sha256(jar.read_bytes()).hexdigest() != SHA256:
        raise LocalError(f"{jar} is not the {_NAME} that was published: delete it and try again")
    return jar


def _fetch(folder: Path, announce: Callable[[str], None]) -> None:
    maven = find_program("mvn")
    if maven is None:
        raise LocalError(
            f"Zipkin is not here: set {JAR_VARIABLE} to {_NAME}, which Maven knows as io.zipkin:zipkin-server:{VERSION}"
            " (classifier exec), or install Maven (Debian, Ubuntu: sudo apt-get install maven)"
        )
    announce(f"Fetching Zipkin {VERSION} with Maven (125 MB, once)")
    artifact = f"-Dartifact=io.zipkin:zipkin-server:{VERSION}:jar:exec"
    command = [maven, "--batch-mode", "--quiet", _MAVEN_COPY, artifact, f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_WITHIN_S)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise LocalError(f"Maven could not fetch Zipkin:\n{said}")
