"""A base backup of a PostgreSQL server: the files of all its databases, with the log that makes one moment of them."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local.servers.postgres import PostgresServer, account_of_servers, binaries


def copy_files(server: PostgresServer, folder: Path, *options: str) -> None:
    """Copies the files of a server while everybody goes on working with it.

    Args:
        server: It runs.
        folder: Where to; it is made.
        options: Of pg_basebackup, besides ours.

    Raises:
        RuntimeError: It fails; the message is the program's.
    """
    account = account_of_servers()
    folder.mkdir(mode=0o700)
    account.take_over(folder)
    command = [str(binaries() / "pg_basebackup"), "--pgdata", str(folder), "--dbname", server.url]
    done = account.run([*command, "--wal-method=stream", "--checkpoint=fast", *options])
    if done.returncode != 0:
        raise RuntimeError(f"pg_basebackup failed: {done.stderr}")


@dataclass(frozen=True, eq=False)
class BaseBackup:
    """All databases of a server as they were at one moment."""

    server: PostgresServer
    folder: Path

    def put_back(self) -> None:
        """Makes all databases what they were, under the same server. Nobody may be using them."""
        self.server.stop()
        shutil.rmtree(self.server.cluster)
        subprocess.run(["cp", "-a", str(self.folder), str(self.server.cluster)], check=True)  # owners and modes as well
        self.server.start()


def base_backup(server: PostgresServer, folder: Path) -> BaseBackup:
    """Takes one into a folder, which is made."""
    copy_files(server, folder)
    return BaseBackup(server, folder)
