"""A bus with a roster of nodes and clients, and with those that it speaks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Self

from clacks_events import Bus, BusOptions, connect
from clacks_events.agent.client import ClientPresence, ClientProfile
from clacks_events.agent.membership import Capabilities, Membership, Status
from clacks_events.agent.nodes import NodeRoster
from clacks_events.agent.peers import ClientMethod, NetworkDevice, NodeMethod, PeerChange
from clacks_events.signals.pulse import Pulse

__all__ = ["ADD_USER", "CAPABILITIES", "DEVICE", "LONG", "PROFILE", "RUN", "OpenSite", "Site"]

LONG = 60.0
TIMEOUT = 10.0

ADD_USER = NodeMethod("addUser", "Users.add", "core", "uid,groups", documentation="Add a user.")
CAPABILITIES = Capabilities((ADD_USER,))
RUN = ClientMethod("run", "Shell.run", "command", "Run a command.")
DEVICE = NetworkDevice(
    "eth0", "10.0.0.7", "fe80::7", "02:00:00:00:00:07", "255.255.255.0", "10.0.0.255"
)
PROFILE = ClientProfile("b7d0", "pc-7", (RUN,), (DEVICE,))
_OPTIONS = BusOptions(publish_timeout=10.0, watch_schemas=False)


class Site:
    """One process, as it were; closed by the test, or all at once as when it dies."""

    def __init__(
        self, url: str, source: str, *, node_timeout: float = LONG, client_timeout: float = LONG
    ) -> None:
        self.bus: Bus = connect(url, source=source, options=_OPTIONS)
        self.pulse = Pulse()
        self.changes: SimpleQueue[PeerChange] = SimpleQueue()
        self.roster = NodeRoster(
            self.bus, self.pulse, node_timeout=node_timeout, client_timeout=client_timeout
        )
        self.roster.on_change(self.changes.put)
        self.roster.open()
        self._spoken_for = ExitStack()

    def node(
        self,
        name: str,
        capabilities: Capabilities = CAPABILITIES,
        *,
        load: float = 0.25,
        interval: float = LONG,
        patience: float = LONG,
    ) -> Membership:
        """Announce a node with two workers."""
        made = Membership(
            self.bus,
            self.pulse,
            name,
            describe=lambda: capabilities,
            measure=lambda: Status(load, 2, indexed=True),
            interval=interval,
            patience=patience,
        )
        return self._spoken_for.enter_context(made)

    def client(
        self,
        profile: ClientProfile = PROFILE,
        *,
        ping_interval: float = LONG,
        poll_delay: tuple[float, float] = (0.0, 0.05),
    ) -> ClientPresence:
        """Announce a client."""
        made = ClientPresence(
            self.bus, self.pulse, profile, ping_interval=ping_interval, poll_delay=poll_delay
        )
        return self._spoken_for.enter_context(made)

    def told(self) -> PeerChange:
        """Wait for the next change of the roster."""
        return self.changes.get(timeout=TIMEOUT)

    def fall_silent(self) -> None:
        """Say nothing more, not even goodbye."""
        self.pulse.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._spoken_for.close()
        self.roster.close()
        self.pulse.close()
        self.bus.close()


OpenSite = Callable[..., Site]
