"""A sender: a name on the bus under which signals are pushed and requests are answered."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from clacks_events.catalog import Catalog
from clacks_events.commands import Command, Commands
from clacks_events.errors import ConfigError, NameTaken
from clacks_events.event import HeaderValue, JsonValue
from clacks_events.presence import Announcement
from clacks_events.publishing import Publishing
from clacks_events.rpc import NO_REQUESTS, RpcFault, RpcServer
from clacks_events.signals.beacon import Beacon
from clacks_events.signals.demand import Demands
from clacks_events.signals.requests import queue_of
from clacks_events.signals.signal import Payload, Signal, event_of
from clacks_events.stamp import Stamper
from clacks_events.xml import local_name

__all__ = ["Ground", "Sender", "SenderOptions", "open_sender"]


@dataclass(frozen=True, slots=True)
class SenderOptions:
    """What a sender offers."""

    types: Sequence[str] = ()
    """Event types, as Clark or local names."""
    methods: Mapping[str, Command] | None = None
    """What can be requested: functions of the parameters, by name."""
    default: Command | None = None
    """A function of a name and its parameters, for requests of any other name."""
    workers: int = 4
    """How many requests are carried out at a time."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a sender stands on."""

    publishing: Publishing
    beacon: Beacon


def open_sender(name: str, options: SenderOptions, ground: Ground) -> Sender:
    """Announce a sender, which lives until it is closed.

    Raises NameTaken while another of this name lives anywhere on the bus, UnknownEventType,
    ConfigError or ConnectionLost.
    """
    return Sender(name, options, ground)


class Sender:
    """Pushes events of declared types under its name, and answers requests to it."""

    def __init__(self, name: str, options: SenderOptions, ground: Ground) -> None:
        """Announce a sender; see :func:`open_sender`."""
        queue = queue_of(name)
        self.name = Stamper(name).source
        self.types = _resolved(options.types, ground.publishing.catalog)
        commands = _commands(options)
        if not self.types and commands is None:
            raise ConfigError(f"sender {name!r} has neither event types nor methods")
        self._publishing = ground.publishing
        self._beacon = ground.beacon
        self._demands = Demands()
        self._signals: dict[tuple[str, str | None], Signal] = {}
        self._lock = Lock()
        self._is_closed = False
        announcement = self._announcement(tuple(options.methods or ()))
        self._server = self._serve(queue, commands, options.workers)
        self._ignore_catalog = ground.publishing.catalog.on_change(self._renew)
        self._announce(announcement)

    def _serve(self, queue: str, commands: Commands | None, workers: int) -> RpcServer:
        dispatch = self._refuse if commands is None else commands.dispatch
        transport = self._publishing.transport
        try:
            # Also without methods: whoever serves the queue has the name.
            return RpcServer(transport, dispatch, queue=queue, workers=workers, alone=True)
        except NameTaken as error:
            raise NameTaken(f"there is a sender {self.name!r} already") from error

    def _refuse(self, method: str, params: Any, user: str | None) -> JsonValue:
        del params, user
        raise RpcFault(
            NO_REQUESTS, f"sender {self.name!r}: requests not supported, such as {method!r}"
        )

    def _announcement(self, methods: tuple[str, ...]) -> Announcement:
        return Announcement(
            name=self.name,
            instance=str(uuid.uuid4()),
            types=self.types,
            methods=methods,
            interval=self._publishing.options.presence_interval,
            origin=self._publishing.source,
        )

    def _announce(self, announcement: Announcement) -> None:
        try:
            self._beacon.add(announcement)
        except BaseException:
            self._ignore_catalog()
            self._server.close()
            raise

    @property
    def is_closed(self) -> bool:
        """Whether it has taken its leave, or is about to."""
        return self._is_closed

    def signal(self, type: str, *, label: str | None = None) -> Signal:
        """Return the signal of a declared type, the same one each time.

        With a ``label`` it is one of its own, whose source is the name of the sender, a slash,
        and the label. Raises ConfigError for a type that was not declared, a label that no
        source can have, and when the sender is closed.
        """
        key = self._declared(type), label
        with self._lock:
            found = self._signals.get(key)
            if found is None:
                if self._is_closed:
                    raise ConfigError(f"sender {self.name!r} is closed")
                found = self._signals[key] = self._signal(*key)
            return found

    def _signal(self, type: str, label: str | None) -> Signal:
        if label is not None and not (isinstance(label, str) and label.strip()):
            raise ConfigError(f"the label of a signal is text that is not empty: {label!r}")
        source = self.name if label is None else f"{self.name}/{label}"
        return Signal(type, source, self._publishing, self._demands, self._forget)

    def _forget(self, signal: Signal) -> None:
        with self._lock:
            self._signals = {
                key: known for key, known in self._signals.items() if known is not signal
            }

    def _declared(self, type: str) -> str:
        found = [full for full in self.types if type in (full, local_name(full))]
        if type in found:
            return type
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{type!r} could be any of {', '.join(found)}")
        raise self._undeclared(type)

    def _undeclared(self, type: str) -> ConfigError:
        known = [local_name(full) for full in self.types]
        near = difflib.get_close_matches(local_name(type), known, n=3)
        hint = (
            f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known) or 'none'}"
        )
        return ConfigError(f"sender {self.name!r} did not declare a type {type!r}; {hint}")

    def push(self, payload: Payload, headers: Mapping[str, HeaderValue] | None = None) -> int:
        """Push a payload on the signal of its type, or of the nearest type that it derives from.

        See Signal.push. Plain data does not say its type: push it on a signal.
        """
        if isinstance(payload, Mapping):
            raise ConfigError("plain data does not say its type: push it on a signal")
        event = event_of(payload, "", self._publishing)
        lineage = self._publishing.catalog.lineage(event.type)
        nearest = next((name for name in reversed(lineage) if name in self.types), None)
        if nearest is None:
            raise self._undeclared(event.type)
        return self.signal(nearest).push(event, headers)

    def _renew(self) -> None:
        for signal in self._all_signals():
            signal.renew()

    def _all_signals(self) -> list[Signal]:
        with self._lock:
            return list(self._signals.values())

    def close(self, reason: str = "closed") -> None:
        """Stop what runs on demand, take leave, and give the name back."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._ignore_catalog()
        for signal in self._all_signals():
            signal.close()
        self._demands.close()
        try:
            self._beacon.remove(self.name, reason)
        finally:
            self._server.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _resolved(types: Sequence[str], catalog: Catalog) -> tuple[str, ...]:
    if isinstance(types, str):
        raise ConfigError(f"types are a list of names, not the text {types!r}")
    return tuple(dict.fromkeys(catalog.resolve(name) for name in types))


def _commands(options: SenderOptions) -> Commands | None:
    if not options.methods and options.default is None:
        return None
    commands = Commands("method")
    for name, method in (options.methods or {}).items():
        if not isinstance(name, str) or not name:
            raise ConfigError(f"the name of a method is text that is not empty: {name!r}")
        commands.add(method, name=name)
    if options.default is not None:
        commands.add_default(options.default)
    return commands
