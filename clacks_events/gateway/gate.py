"""What clients may do: each publish, subscribe and call, judged by the policy and bounded.

The protocols do everything through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from clacks_events.agent import Agent
from clacks_events.agent.policy import OPEN, Action, lineages
from clacks_events.bus import Bus
from clacks_events.catalog import Catalog
from clacks_events.errors import AccessDenied, ConnectionLost, LimitReached, UnknownEventType
from clacks_events.event import Event, JsonValue
from clacks_events.gateway.access import Principal, Sessions
from clacks_events.gateway.bridge import Bridge
from clacks_events.gateway.calling import carry_out
from clacks_events.gateway.hub import Hub
from clacks_events.gateway.metrics import Metrics
from clacks_events.gateway.options import GatewayOptions
from clacks_events.gateway.stream import Stream
from clacks_events.gateway.wanted import Question, Wanted
from clacks_events.transport.base import PublishOptions

__all__ = ["Gate"]

log = logging.getLogger(__name__)

_BRIEF = 16_384  # bytes of an event that may be validated on the loop
_LONG = 0.003  # seconds that this may take, on average
_REST = 10.0  # seconds for which it is left to a thread when it takes longer
_AT_ONCE = PublishOptions(wait=False)
_PATIENT = PublishOptions()
_CONFIRMED = PublishOptions(confirm=True)


class Gate:
    """The bus and the agent as clients of the gateway see them. Loop only."""

    def __init__(
        self, agent: Agent, bridge: Bridge, metrics: Metrics, options: GatewayOptions
    ) -> None:
        self.agent = agent
        self.bus: Bus = agent.bus
        self.bridge = bridge
        self.metrics = metrics
        self.options = options
        self.hub = Hub(agent.bus, bridge, metrics, options.history)
        self.sessions = Sessions(lambda: agent.policy, options.access.session_lifetime)
        """The tokens of those who log in once, as the guard knows them."""
        self.closing = asyncio.Event()
        """Set when the gateway ends: polls answer, streams say so and end."""
        self._brief_from = self._usual = 0.0
        self._streams: Counter[str] = Counter()
        self._owners: dict[Stream, Principal] = {}
        self._ignore_policy = agent.on_policy_change(lambda: bridge.post(self._judge_again))

    @property
    def catalog(self) -> Catalog:
        """The event types."""
        return self.bus.catalog

    def is_ready(self) -> bool:
        """Tell whether the broker is there."""
        return self.bus.transport.is_connected

    async def publish(
        self, principal: Principal, event: Event | bytes | str, *, confirm: bool = False
    ) -> Event:
        """Validate an event and publish it; returns it as it was sent.

        With ``confirm``, returns when the broker has it and somebody's queue takes it. Raises
        AccessDenied, EventError, TransportError or LimitReached.
        """
        if confirm:
            return await self.bridge.run(self._publish, principal, event, _CONFIRMED)
        if isinstance(event, Event) or len(event) > _BRIEF or time.monotonic() < self._brief_from:
            return await self.bridge.in_row(self._publish, principal, event, _PATIENT)
        return await self._publish_here(principal, event)

    async def _publish_here(self, principal: Principal, event: bytes | str) -> Event:
        """Publish on the loop: for a small event, two threads would cost more than all the rest."""
        began = time.perf_counter()
        try:
            sent = self.bus.publishing.prepare(self._permitted(principal, event))
            self.bus.publishing.dispatch(sent, _AT_ONCE)
        except ConnectionLost:
            await self.bridge.in_row(self.bus.publishing.dispatch, sent, _PATIENT)
        else:
            self.metrics.observe_publish(time.perf_counter() - began)
        finally:
            self._note(time.perf_counter() - began)
        return sent

    def _note(self, took: float) -> None:
        # One that takes long, for a schema that is compiled, tells nothing of those to come.
        self._usual += (min(took, 5 * _LONG) - self._usual) / 10
        if self._usual > _LONG:
            # A schema that takes its time: others must not wait for it.
            self._usual = 0.0
            self._brief_from = time.monotonic() + _REST

    def _publish(
        self, principal: Principal, event: Event | bytes | str, options: PublishOptions
    ) -> Event:
        began = time.perf_counter()
        sent = self.bus.publishing.publish(self._permitted(principal, event), options=options)
        self.metrics.observe_publish(time.perf_counter() - began)
        return sent

    def _permitted(self, principal: Principal, event: Event | bytes | str) -> Event | bytes | str:
        if self.agent.policy is OPEN:
            return event
        if not isinstance(event, Event):
            size = self.bus.publishing.options.max_size
            event = Event.from_xml(event, decoder=self.catalog, max_size=size)
        self.check(principal, Action.PUBLISH, self.catalog.lineage(event.type))
        return event

    def check(self, principal: Principal, action: Action, names: Sequence[str]) -> None:
        """Raise AccessDenied for what the policy does not allow; see Policy.check."""
        try:
            self.agent.policy.check(action, principal.name, names, groups=principal.groups)
        except AccessDenied as error:
            why = "; ".join(getattr(error, "__notes__", ()))
            log.warning("denied to %s: %.300s (%.300s)", principal.client, error, why)
            raise

    def compile(
        self,
        principal: Principal,
        *,
        query: str | None = None,
        types: Sequence[str] = (),
        source: str | None = None,
        namespaces: Mapping[str, str] | None = None,
    ) -> Wanted:
        """Compile what a client asks for; see Bus.subscribe. Only bounded queries are accepted.

        Raises FilterError, UnknownEventType, AccessDenied or LimitReached.
        """
        longest = self.options.limits.query
        if query is not None and len(query) > longest:
            raise LimitReached(f"a query has at most {longest} characters, not {len(query)}")
        question = Question(query, tuple(types), source, dict(namespaces or {}))
        wanted = Wanted(question, self.catalog)
        self._check_subscribe(principal, wanted)
        return wanted

    async def compiled(self, principal: Principal, question: Question) -> Wanted:
        """As ``compile``, on a thread where it may take a while: one query can cost 20 ms."""
        asked = partial(
            self.compile,
            principal,
            query=question.query,
            types=question.types,
            source=question.source,
            namespaces=question.namespaces,
        )
        return asked() if question.query is None else await self.bridge.run(asked)

    def _check_subscribe(self, principal: Principal, wanted: Wanted) -> None:
        if self.agent.policy is OPEN:
            return
        types = wanted.filter.types
        if types is not None and not types:
            return  # nothing can match
        for names in _asked(self.catalog, None if types is None else sorted(types)):
            self.check(principal, Action.SUBSCRIBE, names)

    async def open_stream(
        self, principal: Principal, kind: str, *, size: int | None = None
    ) -> Stream:
        """Return a new stream for a protocol, which holds ``size`` events.

        Raises LimitReached.
        """
        limits = self.options.limits
        if len(self.hub) >= limits.streams:
            raise LimitReached("the gateway has as many streams as it can have", retry_after=10.0)
        if self._streams[principal.client] >= limits.streams_per_client:
            raise LimitReached(f"a client may have {limits.streams_per_client} streams at a time")
        self._streams[principal.client] += 1
        bounds = limits.stream if size is None else replace(limits.stream, events=size)
        stream = self.hub.open(kind, bounds, self._closed)
        self._owners[stream] = principal
        if self.closing.is_set():
            # Whoever comes now hears it like those who were there.
            stream.end()
        return stream

    def _closed(self, stream: Stream) -> None:
        principal = self._owners.pop(stream)
        self._streams[principal.client] -= 1
        if self._streams[principal.client] <= 0:
            del self._streams[principal.client]

    def _judge_again(self) -> None:
        for stream, principal in tuple(self._owners.items()):
            try:
                for seat in stream.seats:
                    self._check_subscribe(principal, seat.wanted)
            except AccessDenied:
                stream.end()

    async def call(
        self, principal: Principal, method: str, params: JsonValue | None = None
    ) -> JsonValue:
        """Have the agent carry out a command for a client.

        ``params`` are a list, an object or None. Raises AccessDenied, RpcError or LimitReached.
        """
        return await self.bridge.command(carry_out, self.agent, principal, method, params)

    async def end(self) -> None:
        """Let polls answer and streams end; returns when all clients have heard it."""
        self._ignore_policy()
        self.closing.set()
        self.hub.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.options.stop_timeout):
                await self.hub.emptied()


def _asked(catalog: Catalog, types: Sequence[str] | None) -> Sequence[Sequence[str]]:
    """Return the lineages of the types that a filter can match, as Policy.check wants them."""
    if types is None:
        return lineages(catalog, ())
    found: list[Sequence[str]] = []
    for name in types:
        local = name.removeprefix("{*}")
        try:
            found.extend(lineages(catalog, (local,)))
        except UnknownEventType:
            found.append((local,))
    return found
