"""A PostgreSQL server for tests: its own cluster in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dfplan_assets_tests.ports import free_port

USER = "dfplan"
PASSWORD = "s3cret/pass word"
PASSWORD_IN_URL = "s3cret%2Fpass%20word"


@dataclass(frozen=True)
class PostgresServer:
    """A running server; ``binaries`` is the folder of its programs, ``data`` that of its cluster."""

    binaries: Path
    data: Path
    port: int

    def url(self, database: str) -> str:
        """The URL of a database, password included."""
        return f"postgresql://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the owner of everything."""
        import psycopg

        place = f"host=127.0.0.1 port={self.port} dbname={database} user={USER}"
        with psycopg.connect(place, password=PASSWORD, autocommit=True) as connection:
            connection.execute(statement.encode())


def find_binaries() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``; the newest where there are several."""
    on_path = shutil.which("pg_ctl")
    if on_path is not None and shutil.which("initdb") is not None:
        return Path(on_path).parent
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def running_server(binaries: Path) -> Iterator[PostgresServer]:
    """Start a server and stop it at the end, whatever happened; nothing of it remains."""
    # Not in pytest's folder: that one is closed to the user who runs the server in root's place.
    home = Path(tempfile.mkdtemp(prefix="dfplan-pg-"))
    owner = _unprivileged_user()
    try:
        data, password_file = home / "data", home / "password"
        password_file.write_text(PASSWORD)
        if owner is not None:
            for path in (home, password_file):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        initdb = [f"{binaries}/initdb", "-D", f"{data}", "-U", USER, f"--pwfile={password_file}"]
        _call(owner, [*initdb, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"])
        port = free_port()
        # What a crash of the machine would do is not tested, so nothing waits for the disk.
        options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB"
        log = home / "log"
        control = [f"{binaries}/pg_ctl", "-D", f"{data}", "-w", "-t", "300"]
        try:
            _call(owner, [*control, "-l", f"{log}", "-o", options, "start"])
        except subprocess.CalledProcessError as error:
            raise RuntimeError(log.read_text() if log.exists() else error.output) from error
        try:
            yield PostgresServer(binaries, data, port)
        finally:
            _call(owner, [*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(home)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; who is not root runs it as oneself."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _call(owner: pwd.struct_passwd | None, command: list[str]) -> None:
    # The server would keep a pipe open for ever, so its output goes nowhere (it has a log).
    subprocess.run(
        command,
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=None if owner is None else owner.pw_uid,
        group=None if owner is None else owner.pw_gid,
        extra_groups=None if owner is None else [],
    )
