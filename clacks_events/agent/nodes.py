"""Nodes and clients that are there, and how loaded the nodes are: a live view."""

from __future__ import annotations

import difflib
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Condition, Lock
from typing import Final, TypeAlias

from clacks_events.agent.peer_reader import TOLD, PeerReader, base_type
from clacks_events.agent.peer_table import MOST_PEERS, PeerTable, retold
from clacks_events.agent.peers import (
    ClientInfo,
    NodeInfo,
    PeerChange,
    PeerInfo,
    PeerState,
    as_json,
    peers_from_json,
)
from clacks_events.bus import Bus
from clacks_events.errors import ConfigError, ConnectionLost, TransportError, UnknownCommand
from clacks_events.event import Event, JsonValue
from clacks_events.filter import Filter, compile_filter
from clacks_events.signals.pulse import Cancel, Pulse
from clacks_events.subscription import Subscription

__all__ = ["CLIENT_TIMEOUT", "NODE_TIMEOUT", "NodeRoster", "OnPeerChange"]

log = logging.getLogger(__name__)

NODE_TIMEOUT: Final = 60.0
"""Seconds of silence after which a node is dropped."""
CLIENT_TIMEOUT: Final = 1800.0
"""The same of a client: three of its pings."""

OnPeerChange: TypeAlias = Callable[[PeerChange], object]


class NodeRoster:
    """The nodes and clients that are there, by id; usable from any thread.

    It only listens. Who was there before is seen with the next that it says: a node within its
    interval, a client with its next ping or when somebody sends a ClientPoll; or by
    :meth:`learn`.
    """

    def __init__(
        self,
        bus: Bus,
        pulse: Pulse,
        *,
        node_timeout: float = NODE_TIMEOUT,
        client_timeout: float = CLIENT_TIMEOUT,
    ) -> None:
        """Drop who is silent for so many seconds; bus and pulse stay the caller's."""
        for timeout in (node_timeout, client_timeout):
            if not 0 < timeout < float("inf"):
                raise ConfigError(f"a timeout is a number of seconds above 0, not {timeout!r}")
        self._subscribing = bus.subscribing
        self._pulse = pulse
        self._nodes = PeerTable(NodeInfo, node_timeout)
        self._clients = PeerTable(ClientInfo, client_timeout)
        self._reader = PeerReader()
        self._full: set[type[PeerInfo]] = set()
        self._alarm: tuple[float, Cancel] | None = None
        self._listeners: dict[object, OnPeerChange] = {}
        self._untold: deque[PeerChange] = deque()
        self._changed = Condition()
        self._opening = Lock()
        self._subscription: Subscription | None = None
        self._is_closed = False

    def open(self) -> None:
        """Listen from now on; once it is open, do nothing. Raises TransportError."""
        with self._opening:
            if self._is_closed:
                raise ConnectionLost("the roster is closed")
            if self._subscription is None:
                self._subscription = self._subscribing.open(self._recipe, self._hear)

    def _recipe(self) -> Filter:
        return compile_filter(None, catalog=self._subscribing.catalog, types=tuple(TOLD))

    def nodes(self) -> tuple[NodeInfo, ...]:
        """Return the nodes that are there, by id."""
        with self._changed:
            return tuple(sorted(self._nodes, key=lambda node: node.id))

    def clients(self) -> tuple[ClientInfo, ...]:
        """Return the clients that are there, by name and id."""
        with self._changed:
            return tuple(sorted(self._clients, key=lambda client: (client.name, client.id)))

    def node(self, id: str) -> NodeInfo | None:
        """Return a node that is there, or None."""
        with self._changed:
            return self._nodes.get(id)

    def client(self, id: str) -> ClientInfo | None:
        """Return a client that is there, or None."""
        with self._changed:
            return self._clients.get(id)

    def as_json(self) -> dict[str, JsonValue]:
        """Return ``{"nodes": […], "clients": […]}`` as plain data; see peers.as_json."""
        return {
            "nodes": [as_json(node) for node in self.nodes()],
            "clients": [as_json(client) for client in self.clients()],
        }

    def least_loaded(self, method: str) -> NodeInfo:
        """Return the node that offers a command and has told the least load, any of equal ones.

        Who has told no load comes after all that have. Raises UnknownCommand.
        """
        nodes = self.nodes()
        offering = [node for node in nodes if node.offers(method)]
        if not offering:
            known = sorted({known.name for node in nodes for known in node.methods})
            near = difflib.get_close_matches(method, known, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UnknownCommand(f"none of {len(nodes)} nodes offers {method!r}{hint}")
        least = min(map(_load, offering))
        return random.choice([node for node in offering if _load(node) == least])

    def wait_for(self, id: str, timeout: float) -> PeerInfo:
        """Wait until a node or a client is there and has told what it offers.

        Raises TimeoutError after ``timeout`` seconds, ConnectionLost when the roster is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._ready(id), timeout)
            found = self._ready(id)
            if found is not None:
                return found
            if self._is_closed:
                raise ConnectionLost("the roster is closed")
        raise TimeoutError(f"no node or client {id!r} within {timeout:g} s")

    def _ready(self, id: str) -> PeerInfo | None:
        both = (self._nodes.get(id), self._clients.get(id))
        return next((peer for peer in both if peer and peer.state is PeerState.READY), None)

    def on_change(self, callback: OnPeerChange) -> Cancel:
        """Call a function with each change, one after the other, on the thread of the pulse.

        It should not block. Returns a function that ends this.
        """
        key = object()
        with self._changed:
            self._listeners[key] = callback
        return partial(self._ignore, key)

    def _ignore(self, key: object) -> None:
        with self._changed:
            self._listeners.pop(key, None)

    def learn(self, nodes: object, clients: object) -> None:
        """Take over what another roster knows, in the form that :meth:`as_json` gives.

        What was heard here counts more. Raises RpcError for anything else, and takes nothing.
        """
        told: list[tuple[PeerInfo, float]] = [
            *peers_from_json(nodes, NodeInfo),
            *peers_from_json(clients, ClientInfo),
        ]
        with self._changed:
            for peer, silence in told:
                self._learn(peer, silence)

    def _learn(self, told: PeerInfo, silence: float) -> None:
        table = self._nodes if isinstance(told, NodeInfo) else self._clients
        found = table.get(told.id)
        if silence >= table.timeout or (found is None and table.is_gone(told.id)):
            return
        heard = retold(told, found, datetime.now(UTC) - timedelta(seconds=silence))
        if heard is not None:
            self._note(table.hear(heard, time.monotonic() - (0.0 if found else silence)))

    def _hear(self, event: Event) -> None:
        who, heard = self._reader.read(base_type(event, self._subscribing.catalog), event.element)
        heard = heard._replace(facts={**heard.facts, "last_seen": datetime.now(UTC)})
        table = self._nodes if who is NodeInfo else self._clients
        with self._changed:
            self._note(table.hear(heard, time.monotonic()))
            self._warn_if_full(table.is_full, who)

    def _warn_if_full(self, is_full: bool, who: type[PeerInfo]) -> None:
        if is_full and who not in self._full:
            log.warning("no room for more: %d times %s", MOST_PEERS, who.__name__)
            self._full.add(who)

    def _expire(self) -> None:
        with self._changed:
            self._alarm = None
            for table in (self._nodes, self._clients):
                self._note(table.expire(time.monotonic()))

    def _note(self, changes: Iterable[PeerChange]) -> None:
        if self._is_closed:
            return
        for change in changes:
            if not self._untold:
                # On one thread, so that all are told in their order.
                self._pulse.after(0.0, self._tell)
            self._untold.append(change)
        self._set_alarm()
        self._changed.notify_all()

    def _set_alarm(self) -> None:
        expiries = (self._nodes.next_expiry(), self._clients.next_expiry())
        due = min((each for each in expiries if each is not None), default=None)
        if due is None or (self._alarm and self._alarm[0] <= due):
            return
        if self._alarm is not None:
            self._alarm[1]()
        self._alarm = (due, self._pulse.after(due - time.monotonic(), self._expire))

    def _tell(self) -> None:
        with self._changed:
            untold, self._untold = self._untold, deque()
            listeners = tuple(self._listeners.values())
        for change in untold:
            for listener in listeners:
                _tell(listener, change)

    def close(self) -> None:
        """Listen no more; whoever waits is told."""
        with self._changed:
            self._is_closed = True
            alarm, self._alarm = self._alarm, None
            self._changed.notify_all()
        if alarm is not None:
            alarm[1]()
        with self._opening:
            subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            subscription.close()
        except TransportError as error:
            log.debug("the broker is away and goes on sending presence: %s", error)

    def __enter__(self) -> NodeRoster:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _load(node: NodeInfo) -> float:
    return float("inf") if node.load is None else node.load


def _tell(listener: OnPeerChange, change: PeerChange) -> None:
    try:
        listener(change)
    except Exception:
        # It is the user's code: whatever it raises must not keep the others from being told.
        log.exception("a listener failed on %r: %s", change.peer.id, change.kind.value)
