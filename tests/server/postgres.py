"""A real PostgreSQL for the tests: a server of its own, in a folder of its own, on a socket."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/pgsql-*/bin", "/opt/homebrew/bin")


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`; None where there are none."""
    found = shutil.which("postgres")
    folders = [os.path.dirname(os.path.realpath(found))] if found else []
    folders += sorted(folder for place in PLACES for folder in glob.glob(place))
    return next((Path(f) for f in folders if os.access(f"{f}/initdb", os.X_OK)), None)


class Postgres:
    """A cluster that can be stopped and started again."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="vl-pg-", dir="/tmp"))
        self._as = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            self._as = ["setpriv", *ids]
        data = str(self.folder / "data")
        order = ["--locale-provider=icu", "--icu-locale=de"]  # sorts otherwise than by bytes
        self._run("initdb", "-D", data, "-U", "verilens", "-A", "trust", "-N", "-E", "UTF8", *order)

    @property
    def url(self) -> str:
        return f"postgresql://verilens@/postgres?host={self.folder}&port=5432"

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=60"
        self._control("start", "-o", options, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """Stop as if the power went."""
        self._control("stop", "-m", "immediate")

    def close(self) -> None:
        """Stop and delete everything."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self.programs / program), *arguments]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)},
        )
