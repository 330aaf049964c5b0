"""A gateway with its agent, and another bus on the same broker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clacks_events import Bus
from clacks_events.agent import Agent
from clacks_events.agent.policy import Policy
from clacks_events.bus import connect
from clacks_events.gateway import Gateway, GatewayOptions

__all__ = ["Site", "open_gateway"]


@dataclass(frozen=True)
class Site:
    """What a test needs of a gateway."""

    gateway: Gateway
    agent: Agent
    bus: Bus
    """Another one on the same broker, to publish and subscribe with; its source is ``tests``."""

    @property
    def url(self) -> str:
        """Where the gateway is, without a slash at the end."""
        return self.gateway.url

    @property
    def address(self) -> str:
        """HOST:PORT of the gateway."""
        return self.url.partition("://")[2]


@contextmanager
def open_gateway(
    url: str,
    options: GatewayOptions | None = None,
    *,
    policy: Policy | str | Path | None = None,
    schemas: Iterable[str | Path] = (),
    address: str = "127.0.0.1:0",
) -> Iterator[Site]:
    """Run an agent and its gateway on the broker of a URL."""
    directories = tuple(schemas)
    with ExitStack() as stack:
        bus = stack.enter_context(connect(url, source="tests", schemas=directories))
        agent = stack.enter_context(Agent(url, name="gateway", policy=policy, schemas=directories))
        gateway = stack.enter_context(Gateway(agent, address, options=options))
        yield Site(gateway, agent, bus)
