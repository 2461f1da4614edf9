"""A PostgreSQL server with a standby that follows it, of which either may be the one that takes writes."""

from pathlib import Path
from shutil import copy

import psycopg

from local.servers.postgres import PostgresServer
from tests.base_backup import copy_files
from tests.eventually import eventually
from tests.integration.relay.process import RELAY

DATABASE = "orders"


class Replicated:
    """Two servers: `primary` is killed in a failover, and `standby` takes over."""

    def __init__(self, folder: Path) -> None:
        """Starts both, with a database that has the tables of an outbox."""
        first, second = folder / "first", folder / "second"
        for each in (first, second):
            each.mkdir()
        self.primary = PostgresServer(first)
        self.primary.start()
        _run(self.primary.url, f"CREATE DATABASE {DATABASE}")
        _run(_in_database(self.primary.url), (RELAY / "infirmary_relay" / "schema.sql").read_text())
        copy(first / "credentials.json", second / "credentials.json")
        self.standby = PostgresServer(second)
        copy_files(self.primary, self.standby.cluster, "--write-recovery-conf")
        self.standby.start()

    @property
    def url(self) -> str:
        """Leads to whichever takes writes."""
        login = self.primary.url.partition("@")[0]
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"{login}@{hosts}/{DATABASE}?target_session_attrs=read-write"

    def waits_for_the_standby(self) -> None:
        """Lets no commit return before the standby has it on its disk."""
        _run(self.primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")

    def standby_has_everything(self) -> bool:
        """Whether the standby has replayed what the primary has committed."""
        ((written,),) = _run(self.primary.url, "SELECT pg_current_wal_flush_lsn()::text")
        ((replayed,),) = _run(self.standby.url, f"SELECT pg_last_wal_replay_lsn() >= '{written}'")
        return bool(replayed)

    def cut_off_the_standby(self) -> None:
        """Lets the primary go on alone: what it commits from now on the standby does not get."""
        _run(self.standby.url, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        eventually(
            lambda: _run(self.primary.url, "SELECT count(*) FROM pg_stat_replication") == [(0,)],
            because="nobody follows any more",
        )

    def fail_over(self) -> None:
        """Kills the primary, and lets the standby take writes."""
        self.primary.kill()
        _run(self.standby.url, "SELECT pg_promote()")

    def stop(self) -> None:
        """Stops both."""
        self.standby.stop()
        self.primary.stop()


def _in_database(url: str) -> str:
    return f"{url.rpartition('/')[0]}/{DATABASE}"


def _run(url: str, *statements: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as session:
        for statement in statements:
            cursor = session.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
