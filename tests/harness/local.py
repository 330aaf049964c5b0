"""RabbitMQ nodes of an installed RabbitMQ, as processes of the current user."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path

from tests.harness.broker import Broker, BrokerError
from tests.harness.config import NodeConfig
from tests.harness.erlang import Domain, Installation
from tests.harness.waiting import free_port

__all__ = ["LocalBroker", "LocalBrokers"]

STOP_TIMEOUT = 45.0
CTL_TIMEOUT = 60.0
LOG_LINES = 60


class LocalBroker(Broker):
    """A node that is a child process."""

    def __init__(self, domain: Domain, config: NodeConfig) -> None:
        super().__init__(free_port(), free_port())
        self.node = f"clacks-{secrets.token_hex(4)}@localhost"
        self._domain = domain
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = domain.directory / self.node
        self._directory.mkdir()
        self._sbin = self._directory / "rabbitmq" / "sbin"
        domain.installation.link(self._sbin.parent, config.plugins)
        config.write(
            self._directory,
            address=self.host,
            port=self.port,
            tls_port=self.tls_port,
            seen_as=self._directory,
        )
        self._variables = _variables(self.node, self._directory) | {
            "RABBITMQ_SCRIPTS_DIR": str(self._sbin),
            "RABBITMQ_DIST_PORT": str(free_port()),
        }

    def launch(self) -> None:
        if self._process is not None:
            raise BrokerError(f"{self.node} runs already")
        command = [str(self._sbin / "rabbitmq-server"), "-noinput"]
        output = self._directory / "output"
        self._process = self._domain.spawn(command, self._variables, output)

    def check_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise BrokerError(f"{self.node} has ended\n{self.log()}")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BrokerError(f"{self.node} did not stop\n{self.log()}") from None
        self._process = None

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(STOP_TIMEOUT)
        self._process = None

    def delete(self) -> None:
        self.kill()
        shutil.rmtree(self._directory)

    def ctl(self, *arguments: str) -> str:
        result = subprocess.run(
            [str(self._sbin / "rabbitmqctl"), "-q", "-n", self.node, *arguments],
            env=self._domain.environment(self._variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CTL_TIMEOUT,
            check=False,
        )
        if result.returncode:
            output = result.stdout + result.stderr
            raise BrokerError(f"rabbitmqctl {' '.join(arguments)} failed\n{output}")
        return result.stdout

    def log(self) -> str:
        files = [self._directory / "output", self._directory / "log" / f"{self.node}.log"]
        lines = [
            line
            for file in files
            if file.exists()
            for line in file.read_text(errors="replace").splitlines()
        ]
        return "\n".join(lines[-LOG_LINES:])


def _variables(node: str, directory: Path) -> dict[str, str]:
    absent = str(directory / "none")
    return {
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_CONFIG_FILE": absent,
        "RABBITMQ_CONF_ENV_FILE": absent,
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        # Lets the script become the node instead of watching over it, so that the signals
        # that are sent to the process reach the node.
        "RABBITMQ_ALLOW_INPUT": "true",
    }


class LocalBrokers:
    """Makes nodes of the installed RabbitMQ, all in one domain."""

    def __init__(self, installation: Installation) -> None:
        self._domain = Domain(installation)

    def create(self, config: NodeConfig) -> Broker:
        """Return a new node, not started yet."""
        return LocalBroker(self._domain, config)

    def close(self) -> None:
        """End all nodes and remove everything."""
        self._domain.close()
