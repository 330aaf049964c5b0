"""RabbitMQ nodes in containers. Import this module only where a Docker engine answers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from testcontainers.core.container import DockerContainer

from tests.harness.broker import Broker, BrokerError
from tests.harness.config import NodeConfig
from tests.harness.waiting import free_port, wait_until

__all__ = ["IMAGE", "DockerBroker", "DockerBrokers"]

IMAGE = "rabbitmq:4-management"

# The bare container, not testcontainers' RabbitMqContainer: that one needs pika, picks new
# host ports when it is started again, and can neither be stopped nor killed and kept.
AMQP_PORT, AMQPS_PORT = 5672, 5671
CONFIGURATION = PurePosixPath("/etc/rabbitmq")
CERTIFICATES = PurePosixPath("/certificates")
STOP_TIMEOUT = 45
LOG_LINES = 60


class DockerBroker(Broker):
    """A node that is a container with fixed ports on this host."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(free_port(), free_port())
        self._container = DockerContainer(IMAGE)
        self._created = False
        self._directory = Path(tempfile.mkdtemp(prefix="clacks-rabbitmq-"))
        config.write(
            self._directory,
            address="0.0.0.0",
            port=AMQP_PORT,
            tls_port=AMQPS_PORT,
            seen_as=Path(CERTIFICATES),
        )
        _make_readable(self._directory)
        self._configure()

    def _configure(self) -> None:
        container = self._container
        container.with_bind_ports(AMQP_PORT, self.port)
        container.with_bind_ports(AMQPS_PORT, self.tls_port)
        container.with_volume_mapping(self._directory, str(CERTIFICATES))
        for name in ("advanced.config", "enabled_plugins"):
            container.with_volume_mapping(self._directory / name, str(CONFIGURATION / name))

    @property
    def _engine(self) -> Any:
        return self._container.get_wrapped_container()

    def _status(self) -> str:
        self._engine.reload()
        return str(self._engine.status)

    def launch(self) -> None:
        if self._created:
            self._engine.start()
        else:
            self._container.start()
            self._created = True

    def check_alive(self) -> None:
        if self._status() in ("exited", "dead"):
            raise BrokerError(f"the container has ended\n{self.log()}")

    def stop(self) -> None:
        if self._created and self._status() == "running":
            self._engine.stop(timeout=STOP_TIMEOUT)
            self._wait_for_end()

    def kill(self) -> None:
        if self._created and self._status() == "running":
            self._engine.kill()
            self._wait_for_end()

    def _wait_for_end(self) -> None:
        wait_until(lambda: self._status() == "exited", STOP_TIMEOUT, "the container has ended", 0.1)

    def delete(self) -> None:
        self._container.stop()
        self._created = False
        shutil.rmtree(self._directory)

    def ctl(self, *arguments: str) -> str:
        result = self._container.exec(["rabbitmqctl", "-q", *arguments])
        text: str = result.output.decode(errors="replace")
        if result.exit_code:
            raise BrokerError(f"rabbitmqctl {' '.join(arguments)} failed\n{text}")
        return text

    def log(self) -> str:
        output: bytes = self._engine.logs(tail=LOG_LINES)
        return output.decode(errors="replace")


def _make_readable(directory: Path) -> None:
    """Let the container's user read the files, whichever it is."""
    directory.chmod(0o755)
    for file in directory.iterdir():
        file.chmod(0o644)


class DockerBrokers:
    """Makes nodes in containers."""

    def create(self, config: NodeConfig) -> Broker:
        """Return a new node, not started yet."""
        return DockerBroker(config)

    def close(self) -> None:
        """Do nothing: each node is deleted by its owner, or by testcontainers' reaper."""
