"""Fixtures for tests against a real RabbitMQ."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from clacks_events.embedded import ensure_server
from tests.harness.broker import Broker
from tests.harness.certificates import Certificates, Identity, issue_certificates
from tests.harness.config import NodeConfig
from tests.harness.rabbitmq import NO_BROKER, Brokers, find_brokers

OpenBroker = Callable[..., Broker]

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a stranger, and right and wrong certificates for ``localhost``."""
    return issue_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def brokers() -> Iterator[Brokers]:
    """The maker of RabbitMQ nodes. Without one: a skip at home, a failure with CI=true."""
    found = find_brokers()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(NO_BROKER)
        pytest.skip(NO_BROKER)
    yield found
    found.close()


@pytest.fixture(scope="session")
def broker(brokers: Brokers, certificates: Certificates) -> Iterator[Broker]:
    """The node that all tests share: do not stop it, do not change it, use a fresh vhost."""
    with brokers.create(NodeConfig(certificates, certificates.server)) as shared:
        shared.start()
        yield shared


@pytest.fixture
def vhost(broker: Broker) -> Iterator[str]:
    """A fresh vhost on the shared node."""
    name = broker.fresh_vhost()
    yield name
    broker.give_back_vhost(name)


@pytest.fixture
def amqp_url(broker: Broker, vhost: str) -> str:
    """The URL of a fresh vhost on the shared node."""
    return broker.url_for(vhost)


@pytest.fixture
def amqps_url(broker: Broker, vhost: str) -> str:
    """The URL of a fresh vhost on the shared node, through TLS."""
    return broker.url_for(vhost, tls=True)


@pytest.fixture
def open_broker(brokers: Brokers, certificates: Certificates) -> Iterator[OpenBroker]:
    """Start a node of one's own: ``open_broker(identity=…, plugins=…, settings=…)``."""
    with ExitStack() as stack:

        def start(
            identity: Identity = certificates.server,
            plugins: tuple[str, ...] = (),
            settings: tuple[str, ...] = (),
        ) -> Broker:
            config = NodeConfig(certificates, identity, plugins, settings)
            created = stack.enter_context(brokers.create(config))
            created.start()
            return created

        yield start


@pytest.fixture
def private_broker(open_broker: OpenBroker) -> Broker:
    """A node of the test's own, to be stopped, killed and changed."""
    return open_broker()


@pytest.fixture
def zmq_url() -> Iterator[str]:
    """The URL of an embedded server of the test's own, in this process."""
    with ensure_server("zmq://127.0.0.1:0") as server:
        yield server.url


@pytest.fixture(params=["memory", "zmq", "amqp"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a broker that nobody else uses."""
    if request.param == "memory":
        return f"memory://test-{next(_NUMBERS)}"
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found
