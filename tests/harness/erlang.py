"""A RabbitMQ that is installed on this machine, and a private Erlang world for its nodes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.harness.waiting import free_port, listening, wait_until

__all__ = ["Domain", "Installation"]

# Where the packages of Debian and Red Hat put it; the commands that they put on PATH are
# wrappers that insist on the user "rabbitmq".
PACKAGED = Path("/usr/lib/rabbitmq/lib")
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])

# It outlives a test process that is killed: its input ends with that process.
WATCHDOG = 'cat; kill -KILL -"$1"; rm -rf "$2" || { sleep 1; rm -rf "$2"; }'


@dataclass(frozen=True)
class Installation:
    """A RabbitMQ server: the directory that holds ``sbin`` and ``plugins``."""

    home: Path
    epmd: str

    @classmethod
    def find(cls) -> Self | None:
        """Return the installed RabbitMQ, or None."""
        command, epmd = (
            shutil.which(name, path=SYSTEM_PATH) for name in ("rabbitmq-server", "epmd")
        )
        if command is None or epmd is None:
            return None
        packaged = sorted(PACKAGED.glob("rabbitmq_server-*"), reverse=True)
        for home in (Path(command).resolve().parent.parent, *packaged):
            if (home / "plugins").is_dir() and (home / "sbin" / "rabbitmq-server").exists():
                return cls(home, epmd)
        return None

    def link(self, target: Path, plugins: Iterable[str]) -> None:
        """Make ``target`` a RabbitMQ home that has only these plugins and what they need.

        A node searches every directory of its code path for every module that it loads:
        with the 60 plugins of a full installation it takes twice as long to start.
        """
        target.mkdir()
        for name in ("sbin", "escript"):
            (target / name).symlink_to(self.home / name)
        found = {path.parent.parent for path in self.home.glob("plugins/*/ebin/*.app")}
        if any(self.home.glob("plugins/*.ez")):
            (target / "plugins").symlink_to(self.home / "plugins")
            return
        (target / "plugins").mkdir()
        for directory in _closure(["rabbit", *plugins], found):
            (target / "plugins" / directory.name).symlink_to(directory)


def _closure(roots: Iterable[str], directories: Iterable[Path]) -> list[Path]:
    """Return the directories of the named Erlang applications and of their dependencies."""
    by_name = {path.name.rsplit("-", 1)[0]: path for path in directories}
    wanted, queue = dict[str, Path](), list(roots)
    while queue:
        name = queue.pop()
        # What is not there comes with Erlang itself.
        if name in wanted or name not in by_name:
            continue
        wanted[name] = by_name[name]
        queue += _dependencies(by_name[name] / "ebin" / f"{name}.app")
    return list(wanted.values())


def _dependencies(app_file: Path) -> list[str]:
    lists: list[str] = re.findall(r"applications,\s*\[([^\]]*)\]", app_file.read_text())
    return [name for text in lists for name in re.findall(r"\w+", text)]


class Domain:
    """A private Erlang world: one directory, one cookie, one name server (epmd).

    Nodes of one domain can form a cluster. All its processes are in one process group,
    which ends with the domain or with this process, however that ends.
    """

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.directory = Path(tempfile.mkdtemp(prefix="clacks-rabbitmq-"))
        cookie = self.directory / ".erlang.cookie"
        cookie.write_text(self.directory.name.replace("-", "_"))
        cookie.chmod(0o400)
        self._epmd_port = free_port()
        self._epmd = subprocess.Popen(
            [installation.epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment(),
            process_group=0,
        )
        self._watchdog = subprocess.Popen(
            ["sh", "-c", WATCHDOG, "watchdog", str(self._epmd.pid), str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        wait_until(lambda: listening(self._epmd_port), message="epmd listens")

    def environment(self, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a process of this domain, without the user's own settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        own = {"HOME": str(self.directory), "ERL_EPMD_PORT": str(self._epmd_port)}
        return kept | {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"} | own | dict(variables or {})

    def spawn(
        self, command: list[str], variables: Mapping[str, str], output: Path
    ) -> subprocess.Popen[bytes]:
        """Start a process of this domain."""
        with output.open("ab") as file:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.environment(variables),
                cwd=self.directory,
                process_group=self._epmd.pid,
            )

    def close(self) -> None:
        """End all processes and remove the directory."""
        self._watchdog.communicate(timeout=30)
        self._epmd.wait(timeout=30)
