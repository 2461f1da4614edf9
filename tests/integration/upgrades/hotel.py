"""A hotel that leads stays and the staff that takes part, on real servers, and what has become of the stays."""

from pathlib import Path
from uuid import UUID

from infirmary.identifiers import new_id
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.transaction import transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from tests.integration.upgrades.release import REPLIES
from tests.integration.upgrades.site import Site
from tests.integration.upgrades.stays import HOTEL, STAFF, VERSIONS, Stay, stay

COMMANDS = f"{HOTEL}.to.{STAFF}"


class Hotel:
    """The two services."""

    def __init__(self, hotel: Settings, staff: Settings, rabbitmq_url: str, stream_port: int, folder: Path) -> None:
        self._site = Site({HOTEL: hotel, STAFF: staff}, [COMMANDS, REPLIES], rabbitmq_url, stream_port, folder)
        self._sagas, self._effects = self._site.databases[HOTEL], self._site.databases[STAFF]
        self._effects.execute("CREATE TABLE did (saga_id uuid, step text)")
        self._site.start(STAFF)

    def start_pod(self, *known: int) -> None:
        """Starts a pod of the release that knows these versions."""
        self._site.start(HOTEL, *map(str, known))

    def kill_pods(self, *known: int) -> None:
        """Kills all pods of a release."""
        self._site.kill(HOTEL, *map(str, known))

    def begin(self, *known: int, nights: int = 2) -> UUID:
        """Begins a stay, as an API of the release would that knows these versions."""
        saga, saga_id = stay(*known), new_id()
        with transaction(self._sagas, HOTEL, causation_of(None, None, None), False) as tx:
            Orchestrator(HOTEL, saga).start(tx, saga, saga_id, Stay(nights=nights))
        self._sagas.execute("NOTIFY outbox")
        return saga_id

    def statuses(self) -> dict[tuple[int, str], int]:
        """Returns how many stays there are, by version and status."""
        found = self._sagas.execute("SELECT version, status, count(*) FROM saga GROUP BY 1, 2").fetchall()
        return {(version, status): count for version, status, count in found}

    def under_way(self, *versions: int) -> int:
        """Returns how many stays of some versions have not ended."""
        ended = ("completed", "failed")
        return sum(
            count for (version, status), count in self.statuses().items() if version in versions and status not in ended
        )

    def wrongly_done(self) -> list[str]:
        """Returns the stays for which not exactly the steps of their version are done, or that are not undone."""
        did: dict[UUID, list[str]] = {}
        for saga_id, step in self._effects.execute("SELECT saga_id, step FROM did").fetchall():
            did.setdefault(saga_id, []).append(step)
        lines = []
        for saga_id, version, status in self._sagas.execute("SELECT saga_id, version, status FROM saga").fetchall():
            wanted = sorted(step.name for step in VERSIONS[version]) if status == "completed" else []
            if (found := sorted(did.pop(saga_id, []))) != wanted:
                lines.append(f"{saga_id}, version {version}, {status}: {found}")
        return lines + [f"{saga_id}: of no stay" for saga_id in did]

    def wrongly_asked(self) -> list[str]:
        """Returns what stays have asked for that their versions do not."""
        own = {
            version: {command.__name__ for step in steps for command in step.commands()}
            for version, steps in VERSIONS.items()
        }
        asked = self._sagas.execute(
            """SELECT saga_id, version, split_part(sent, ' ', 1) FROM saga_history JOIN saga USING (saga_id)
               WHERE sent <> ''"""
        )
        return [
            f"{saga_id}, version {version}: {command}"
            for saga_id, version, command in asked.fetchall()
            if command not in own[version]
        ]

    def close(self) -> None:
        """Ends everything."""
        self._site.close()
