"""What a gateway counts, for Prometheus.

What the bus and the agent count already is read from them when somebody asks. No label has a value
that a client can choose.

Source: Prometheus exposition format 0.0.4.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clacks_events.agent import Agent

__all__ = ["KINDS", "MEDIA_TYPE", "Counting", "Metrics"]

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
KINDS: Final = ("sse", "afb", "xerus")
"""The protocols that hand events to clients."""

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_NO_ROUTE: Final = "none"
_FAST: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW: Final = (0.01, 0.1, 0.5, 1, 2.5, 5, 10, 15, 20, 25, 30, 60)


class Metrics:
    """The counters of one gateway, in a registry of their own. Usable from any thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        delivered = Counter(
            "clacks_events_delivered", "Events handed to clients", ["kind"], registry=registry
        )
        lost = Counter(
            "clacks_events_lost",
            "Events that the queue of a slow client had no room for",
            ["kind"],
            registry=registry,
        )
        streams = Gauge("clacks_streams", "Streams that are open", ["kind"], registry=registry)
        # Looked up once: labels() takes longer than counting.
        self._delivered = {kind: delivered.labels(kind) for kind in KINDS}
        self._lost = {kind: lost.labels(kind) for kind in KINDS}
        self._streams = {kind: streams.labels(kind) for kind in KINDS}
        self._channels = Gauge(
            "clacks_channels", "Channels that this gateway knows of", registry=registry
        )
        self._polls = Gauge("clacks_polls_waiting", "Polls that wait for events", registry=registry)
        self._filter_errors = 0
        self._lock = Lock()
        self._publish = _histogram("publish", "Time that it takes to publish", _FAST, registry)
        self._delivery = _histogram(
            "delivery", "From the time in the envelope to handing over", _FAST, registry
        )
        self._poll_wait = _histogram("poll_wait", "How long a poll waits", _SLOW, registry)
        self._requests = Counter(
            "clacks_http_requests",
            "Requests by the pattern of their route",
            ["method", "route", "status"],
            registry=registry,
        )
        self._known: dict[tuple[str, str, int], Counter] = {}

    def observe(self, agent: Agent, subscriptions: Callable[[], int]) -> None:
        """Report what an agent and its bus count, and how many filters clients have."""
        self._registry.register(_Reported(agent, subscriptions, lambda: self._filter_errors))

    def delivered(self, kind: str, number: int = 1) -> None:
        """Count events that are on their way to a client; ``kind`` is one of KINDS."""
        self._delivered[kind].inc(number)

    def lost(self, kind: str, number: int = 1) -> None:
        """Count events that a client did not take in time."""
        self._lost[kind].inc(number)

    def opened(self, kind: str) -> None:
        """Count a stream that begins."""
        self._streams[kind].inc()

    def closed(self, kind: str) -> None:
        """Count a stream that ends."""
        self._streams[kind].dec()

    def channel_opened(self) -> None:
        """Count a channel that begins."""
        self._channels.inc()

    def channel_closed(self) -> None:
        """Count a channel that ends."""
        self._channels.dec()

    def poll_began(self) -> None:
        """Count a poll that begins to wait."""
        self._polls.inc()

    def poll_ended(self, seconds: float) -> None:
        """Count a poll that has waited so long."""
        self._polls.dec()
        self._poll_wait.observe(seconds)

    def filter_error(self) -> None:
        """Count a filter that failed on an event."""
        with self._lock:
            self._filter_errors += 1

    def observe_publish(self, seconds: float) -> None:
        """Count how long publishing an event took."""
        self._publish.observe(seconds)

    def observe_delivery(self, seconds: float) -> None:
        """Count how old an event was when it was handed over; clocks may differ."""
        self._delivery.observe(max(0.0, seconds))

    def request(self, method: str, route: str, status: int) -> None:
        """Count a request; ``route`` is a pattern, never a path."""
        key = (method if method in _METHODS else "other", route, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._requests.labels(key[0], route, str(status))
        known.inc()

    def text(self) -> bytes:
        """Return all in the text format of Prometheus."""
        return generate_latest(_Plain(self._registry))


class Counting:
    """ASGI middleware that counts requests by route; what no route answers has route none."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count once the status is known."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", _NO_ROUTE)
                self._metrics.request(scope["method"], route, message["status"])
            await send(message)

        return await self._app(scope, receive, counted)


class _Plain(CollectorRegistry):
    """A registry without the times at which its counters were made."""

    def __init__(self, inner: CollectorRegistry) -> None:
        super().__init__()
        self._inner = inner

    def collect(self) -> Iterator[Metric]:
        for metric in self._inner.collect():
            metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
            yield metric


class _Reported(Collector):
    """Reads what others count."""

    def __init__(
        self, agent: Agent, subscriptions: Callable[[], int], filter_errors: Callable[[], int]
    ) -> None:
        self._agent = agent
        self._subscriptions = subscriptions
        self._filter_errors = filter_errors

    def describe(self) -> Iterable[Metric]:
        """Say nothing, so that registering does not collect."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the counters of the bus, those of the agent, and what is known of this program."""
        bus = self._agent.bus
        counted = bus.counters.as_dict()
        for name, (metric, text) in _OF_THE_BUS.items():
            yield CounterMetricFamily(metric, text, value=counted[name])
        failed = CounterMetricFamily("clacks_filter_errors", _FILTER_ERRORS, labels=["of"])
        failed.add_metric(["bus"], counted["filter_errors"])
        failed.add_metric(["clients"], self._filter_errors())
        yield failed
        dropped = CounterMetricFamily("clacks_events_dropped", _DROPPED, labels=["reason"])
        for name, reason in _REASONS.items():
            dropped.add_metric([reason], counted[name])
        yield dropped
        calls = self._agent.counters.as_dict()
        for name, (metric, text) in _OF_CALLS.items():
            yield CounterMetricFamily(metric, text, value=calls[name])
        yield GaugeMetricFamily(
            "clacks_subscriptions", "Filters that clients have", value=self._subscriptions()
        )
        up = bus.transport.is_connected
        yield GaugeMetricFamily("clacks_broker_up", "Whether the broker is there", value=up)
        yield InfoMetricFamily("clacks_build", "This program", value=_build())


_OF_THE_BUS: Final = {
    "published": ("clacks_events_published", "Events sent to the broker"),
    "received": ("clacks_events_received", "Events that the broker delivered"),
    "matched": ("clacks_events_matched", "Events that at least one subscription matched"),
    "malformed": ("clacks_events_malformed", "Deliveries that were no event"),
    "unknown": ("clacks_events_unknown", "Events of a type that no schema declares"),
    "invalid": ("clacks_events_invalid", "Events that break their schema"),
    "handler_errors": ("clacks_handler_errors", "Handlers that failed on an event"),
    "reconnects": ("clacks_reconnects", "Connections to the broker that were made anew"),
}
_FILTER_ERRORS: Final = "Filters that failed on an event, which is no match"
_DROPPED: Final = "Events that this process did not pass on, by the reason"
_REASONS: Final = {"lost": "inbox_full", "muted": "paused", "failed": "fault"}
_OF_CALLS: Final = {
    "calls": ("clacks_calls", "Calls that a worker took up"),
    "failed": ("clacks_calls_failed", "Calls that ended in an error"),
    "refused": ("clacks_calls_refused", "What was no call, not allowed, or one too many"),
    "expired": ("clacks_calls_expired", "Calls that nobody waited for when their turn came"),
    "dropped": ("clacks_calls_dropped", "Answers that nobody waited for any more"),
}


def _histogram(
    name: str, text: str, buckets: tuple[float, ...], registry: CollectorRegistry
) -> Histogram:
    return Histogram(f"clacks_{name}_seconds", text, buckets=buckets, registry=registry)


def _build() -> dict[str, str]:
    try:
        own = version("clacks-events")
    except PackageNotFoundError:
        own = "unknown"
    return {"version": own, "python": platform.python_version()}
