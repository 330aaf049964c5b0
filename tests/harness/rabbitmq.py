"""Where the tests get their RabbitMQ nodes from.

Run as a program it fails when there is no such place.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Protocol
from urllib.parse import urlsplit

from tests.harness.broker import Broker
from tests.harness.config import NodeConfig
from tests.harness.erlang import Installation
from tests.harness.local import LocalBrokers
from tests.harness.waiting import listening

__all__ = ["NO_BROKER", "Brokers", "find_brokers"]

NO_BROKER = (
    "neither a Docker engine nor a rabbitmq-server was found; "
    "./dev test installs one on Debian and Ubuntu, as root"
)
DOCKER_SOCKET = "unix:///var/run/docker.sock"


class Brokers(Protocol):
    """A maker of RabbitMQ nodes."""

    def create(self, config: NodeConfig) -> Broker:
        """Return a new node, not started yet."""

    def close(self) -> None:
        """Release what the nodes had in common. They must not be used after that."""


def find_brokers() -> Brokers | None:
    """Return a maker of nodes: in Docker, else of the installed RabbitMQ, else None."""
    if in_docker():
        # Not needed by anybody else, and slow.
        from tests.harness.docker import DockerBrokers

        return DockerBrokers()
    installation = Installation.find()
    return LocalBrokers(installation) if installation else None


def in_docker() -> bool:
    """Tell whether the nodes are to be containers.

    The environment variable CLACKS_TEST_BROKER, ``docker`` or ``local``, decides; without it
    Docker is used where its engine answers.
    """
    choice = os.environ.get("CLACKS_TEST_BROKER", "")
    return choice == "docker" or (choice != "local" and docker_answers())


def docker_answers() -> bool:
    """Tell whether a Docker engine listens where DOCKER_HOST says, or at the usual place."""
    address = urlsplit(os.environ.get("DOCKER_HOST") or DOCKER_SOCKET)
    if address.scheme == "tcp" and address.hostname and address.port:
        return listening(address.port, address.hostname)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5.0)
        try:
            probe.connect(address.path)
        except OSError:
            return False
        return True


if __name__ == "__main__":
    sys.exit(0 if in_docker() or Installation.find() else NO_BROKER)
