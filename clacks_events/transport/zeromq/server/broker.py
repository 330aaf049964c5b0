"""What the embedded server knows and decides; sockets and clocks are its caller's."""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from clacks_events.topic import TopicTable
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.server.homecoming import Homecoming
from clacks_events.transport.zeromq.server.queues import Limits, Queue, Reader, Send
from clacks_events.transport.zeromq.server.work import Call, Desk, Server
from clacks_events.transport.zeromq.wire import pack, unpack

__all__ = ["Broker", "Foreign"]

log = logging.getLogger(__name__)

_LONGEST_KEY = 255  # bytes, as everywhere
_LONGEST_STALL = 5.0  # seconds
_NOT_OURS = (
    ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError, struct.error,
)  # fmt: skip


class Foreign(Exception):
    """What a client of ours would not send."""


@dataclass(slots=True, eq=False)
class _Watch:
    peer: bytes
    name: bytes
    key: str
    count: int


@dataclass(slots=True, eq=False)
class _Peer:
    """A connection that has said who it is."""

    identity: bytes
    session: str
    heard: float
    readers: dict[bytes, Reader] = field(default_factory=dict)
    servers: dict[bytes, Server] = field(default_factory=dict)
    watches: dict[bytes, _Watch] = field(default_factory=dict)


class Broker:
    """Routes messages to inboxes and calls to those that serve them."""

    def __init__(self, send: Send, limits: Limits) -> None:
        self._send = send
        self._limits = limits
        self._table: TopicTable[Queue] = TopicTable()
        self._durable: dict[str, Queue] = {}
        self._desk = Desk(send, limits.calls)
        self._peers: dict[bytes, _Peer] = {}
        self._sessions: dict[str, _Peer] = {}
        self._watches: set[_Watch] = set()
        self._dirty: set[Queue] = set()
        self._lossy: set[Queue] = set()
        self._told: set[bytes] = set()
        self._homecoming: Homecoming | None = Homecoming()
        self._now = self._ticked = 0.0
        self.published = 0
        self.lost = 0
        self._verbs: dict[str, Callable[[_Peer, dict[str, Any]], dict[str, str] | None]] = {
            "open": self._open,
            "bind": self._bind,
            "stop": self._stop,
            "close": self._close,
            "watch": self._watch,
            "unwatch": self._unwatch,
            "serve": self._serve,
            "unserve": self._unserve,
        }

    @property
    def peers(self) -> Collection[bytes]:
        """Who is connected and has said so."""
        return tuple(self._peers)

    def take(self, identity: bytes, frames: Sequence[bytes], user: bytes, now: float) -> None:
        """Deal with one message. Raises Foreign for what no client of ours sends."""
        self._now = now
        try:
            self._take(identity, frames, user)
        except _NOT_OURS as error:
            raise Foreign(f"a message that is none: {error!r}") from error

    def _take(self, identity: bytes, frames: Sequence[bytes], user: bytes) -> None:
        first = frames[0]
        kind = first[:2]
        if kind == wire.PUBLISH:
            if len(frames) > 1:
                raise Foreign("an event in several frames")
            self._route(wire.key_of(first, 2), first[2:], user)
        elif kind == wire.ASK:
            self._ask(identity, frames[1], json.loads(frames[2]))
        elif kind == wire.CONFIRM:
            taken = self._route(wire.key_of(frames[2]), frames[2], user, is_confirmed=True)
            self._send(identity, (wire.TAKEN, frames[1], pack(taken)))
        elif first[:1] != wire.VERSION:
            self._turn_away(identity, wire.REFUSED, wire.VERSION)
            raise Foreign(f"version {first[:1]!r} of the protocol")
        elif kind not in wire.KINDS:
            raise Foreign(f"a message of the kind {kind!r}")
        elif (peer := self._peers.get(identity)) is None:
            # It was connected to a server that is gone, or we took it for gone.
            self._turn_away(identity, wire.WHO)
        else:
            peer.heard = self._now
            self._serve_peer(peer, kind, frames, user)

    def _turn_away(self, identity: bytes, *frames: bytes) -> None:
        # Once a second: who does not read the answers would pile them up here.
        if identity not in self._told:
            self._told.add(identity)
            self._send(identity, frames)

    def _route(self, key: bytes, record: bytes, user: bytes, *, is_confirmed: bool = False) -> int:
        if len(key) > _LONGEST_KEY:
            raise ValueError(f"a routing key of {len(key)} bytes")
        queues = self._table.route(key.decode())
        self.published += 1
        if user:
            record = wire.signed(record, user)
        if self._homecoming is not None and (queues or not is_confirmed):
            self._homecoming.keep(key.decode(), record)
        for queue in queues:
            if not queue.put(record):
                self.lost += 1
                self._lossy.add(queue)
        self._dirty.update(queues)
        return len(queues)

    def _serve_peer(self, peer: _Peer, kind: bytes, frames: Sequence[bytes], user: bytes) -> None:
        if kind == wire.SETTLED:
            self._settle(peer.readers.get(frames[1]), frames[2])
        elif kind == wire.CALL:
            self._call(peer, frames, user)
        elif kind == wire.ACCEPT:
            self._desk.accept(unpack(frames[1]), peer.identity)
        elif kind == wire.REPLY:
            self._desk.reply(unpack(frames[1]), peer.identity, frames[2])
        elif kind == wire.PING:
            self._send(peer.identity, (wire.PONG,))
        else:
            raise Foreign(f"a {kind!r} of another form")

    def _settle(self, reader: Reader | None, what: bytes) -> None:
        # None: it was on its way while the inbox closed.
        if reader is None:
            return
        if reader.queue.durable is None:
            reader.settle_first(unpack(what))
        else:
            reader.settle([tag for (tag,) in wire.NUMBER.iter_unpack(what)])
        self._dirty.add(reader.queue)

    def _call(self, peer: _Peer, frames: Sequence[bytes], user: bytes) -> None:
        _, number, what, record = frames
        wire.key_of(record)
        asked = json.loads(what)
        deadline = self._now + int(asked["milliseconds"]) / 1000
        signed = wire.signed(record, user) if user else record
        self._desk.call(
            str(asked["queue"]),
            Call(peer.identity, number, signed, deadline),
            alone=bool(asked["alone"]),
        )

    def _ask(self, identity: bytes, number: bytes, asked: dict[str, Any]) -> None:
        verb = asked["verb"]
        if verb == "hello":
            self._greet(identity, str(asked["session"]))
        elif verb == "bye":
            self.leave(identity)
        elif verb == "sync":
            # Answered after all that was asked before, also to those who only publish.
            pass
        elif verb not in self._verbs:
            raise Foreign(f"the question {verb!r:.80}")
        elif (peer := self._peers.get(identity)) is None:
            self._turn_away(identity, wire.WHO)
            return
        else:
            peer.heard = self._now
            error = self._verbs[verb](peer, asked)
            if error is not None:
                self._send(identity, (wire.DONE, number, json.dumps(error).encode()))
                return
        self._send(identity, (wire.DONE, number, b"{}"))

    def _greet(self, identity: bytes, session: str) -> None:
        # The same client on a new connection: the former one is dead, whatever it looks like.
        former = self._sessions.get(session)
        if former is not None:
            self.leave(former.identity)
        self._peers[identity] = self._sessions[session] = _Peer(identity, session, self._now)

    def _open(self, peer: _Peer, asked: dict[str, Any]) -> None:
        name, durable = pack(asked["inbox"]), asked["durable"]
        queue = Queue(self._limits) if durable is None else self._durable_queue(str(durable))
        self._close(peer, asked)
        reader = Reader(peer.identity, name, int(asked["window"]), queue)
        peer.readers[name] = reader
        queue.readers.append(reader)
        if asked["again"] and self._homecoming is not None and not queue.patterns:
            self._homecoming.welcome(queue, asked["patterns"])
        self._bind_queue(queue, asked["patterns"])
        self._dirty.add(queue)

    def _durable_queue(self, name: str) -> Queue:
        queue = self._durable.get(name)
        if queue is None:
            queue = self._durable[name] = Queue(self._limits, name)
        return queue

    def _bind(self, peer: _Peer, asked: dict[str, Any]) -> None:
        self._bind_queue(peer.readers[pack(asked["inbox"])].queue, asked["patterns"])

    def _bind_queue(self, queue: Queue, patterns: Sequence[str]) -> None:
        wanted = frozenset(str(pattern) for pattern in patterns)
        for pattern in wanted - queue.patterns:
            self._table.add(pattern, queue)
        for pattern in queue.patterns - wanted:
            self._table.remove(pattern, queue)
        queue.patterns = wanted
        self._tell_watches()

    def _stop(self, peer: _Peer, asked: dict[str, Any]) -> None:
        # What it was sent it may still settle, so that a durable queue does not send it again.
        reader = peer.readers[pack(asked["inbox"])]
        reader.window = 0
        if reader.queue.durable is None:
            self._bind_queue(reader.queue, ())

    def _close(self, peer: _Peer, asked: dict[str, Any]) -> None:
        reader = peer.readers.pop(pack(asked["inbox"]), None)
        if reader is not None:
            self._release(reader)

    def _release(self, reader: Reader) -> None:
        queue = reader.queue
        queue.remove(reader)
        if queue.durable is None:
            self._bind_queue(queue, ())
            self._dirty.discard(queue)
            self._lossy.discard(queue)
        else:
            self._dirty.add(queue)

    def _watch(self, peer: _Peer, asked: dict[str, Any]) -> None:
        name, key = pack(asked["watch"]), str(asked["key"])
        watch = _Watch(peer.identity, name, key, -1)
        peer.watches[name] = watch
        self._watches.add(watch)
        self._tell(watch)

    def _tell_watches(self) -> None:
        for watch in self._watches:
            self._tell(watch)

    def _tell(self, watch: _Watch) -> None:
        count = len(self._table.route(watch.key))
        if count != watch.count:
            watch.count = count
            self._send(watch.peer, (wire.AUDIENCE, watch.name, pack(count)))

    def _unwatch(self, peer: _Peer, asked: dict[str, Any]) -> None:
        watch = peer.watches.pop(pack(asked["watch"]), None)
        if watch is not None:
            self._watches.discard(watch)

    def _serve(self, peer: _Peer, asked: dict[str, Any]) -> dict[str, str] | None:
        name, queue = pack(asked["served"]), str(asked["queue"])
        if name in peer.servers:
            return None
        server = self._desk.serve(
            queue,
            peer.identity,
            name,
            alone=bool(asked["alone"]),
            window=int(asked["window"]),
        )
        if server is None:
            return {"error": "NameTaken", "reason": f"{queue} is served already"}
        peer.servers[name] = server
        return None

    def _unserve(self, peer: _Peer, asked: dict[str, Any]) -> None:
        server = peer.servers.pop(pack(asked["served"]), None)
        if server is not None:
            self._desk.leave(server, is_gone=False)

    def leave(self, identity: bytes) -> None:
        """Forget a connection and all that was its own."""
        peer = self._peers.pop(identity, None)
        if peer is None:
            return
        if self._sessions.get(peer.session) is peer:
            del self._sessions[peer.session]
        for reader in peer.readers.values():
            self._release(reader)
        self._watches.difference_update(peer.watches.values())
        for server in peer.servers.values():
            self._desk.leave(server, is_gone=True)
        self._desk.abandon(identity)

    def flush(self) -> None:
        """Send what can be sent."""
        while self._dirty:
            self._dirty.pop().flush(self._send)
        self._desk.flush(self._now)

    def tick(self, now: float) -> None:
        """Let go of who has been silent for too long, and of old calls."""
        stalled = now - self._ticked > _LONGEST_STALL
        self._now = self._ticked = now
        self._told.clear()
        if self._homecoming is not None and self._homecoming.is_over(now):
            self._homecoming = None
        for peer in list(self._peers.values()):
            if stalled:
                # What was said while this process was stopped is still to be read.
                peer.heard = now
            elif now - peer.heard > self._limits.silence:
                log.warning("a client has said nothing for %g s", self._limits.silence)
                self.leave(peer.identity)
        self._desk.expire(now)
        self.flush()
        lossy, self._lossy = self._lossy, set()
        for queue in lossy:
            queue.tell_loss(self._send)
