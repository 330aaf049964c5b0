"""An agent: commands for callers, a policy over them, and presence."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

from clacks_events.agent.builtin import BuiltIn, Ground
from clacks_events.agent.load import LoadMeter
from clacks_events.agent.membership import INTERVAL
from clacks_events.agent.nodes import CLIENT_TIMEOUT, NODE_TIMEOUT, NodeRoster
from clacks_events.agent.peer_events import Capabilities
from clacks_events.agent.peers import NodeMethod
from clacks_events.agent.policy import OPEN, Policy
from clacks_events.agent.policy_file import PolicyFile
from clacks_events.agent.rule import Action
from clacks_events.agent.service import Attendance, LoopThread, ended_by_signals
from clacks_events.bus import Bus, connect
from clacks_events.commands import Commands
from clacks_events.config import BusOptions, checked_name
from clacks_events.ending import end_at_once
from clacks_events.errors import AccessDenied, ConfigError, ConnectionLost
from clacks_events.rpc import DEFAULT_QUEUE, CallCounters, RpcServer, ServerOptions
from clacks_events.stamp import default_source

__all__ = ["Agent", "AgentOptions"]

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What else can be set on an agent; times are in seconds."""

    backlog: int = 1000
    """How many calls may wait for a worker before more are refused as too many."""
    stop_timeout: float = 30.0
    """How long closing waits for the calls that run."""
    status_interval: float = INTERVAL
    """How often it tells how loaded it is."""
    node_timeout: float = NODE_TIMEOUT
    """How long an agent may be silent before it counts as gone."""
    client_timeout: float = CLIENT_TIMEOUT
    """The same for clients."""
    bus: BusOptions | None = None
    """The options of the bus, if the agent is to connect to one."""


class Agent:
    """Carries out commands for callers until it is closed.

    Functions become commands by ``@agent.command``; the built-in ones are there already. Any
    number of agents may share a queue, and each of them is called by its ``name``, too.
    """

    def __init__(
        self,
        bus: Bus | str,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        workers: int = 4,
        policy: Policy | str | Path | None = None,
        schemas: Iterable[str | Path] = (),
        options: AgentOptions | None = None,
    ) -> None:
        """Connect to a broker by its URL, or use a bus, which stays the caller's.

        ``name`` is the node's (default: the name of this host), ``workers`` is how many calls
        are carried out at a time, ``policy`` says who may do what, or is the path of a file that
        does (default: everybody may do everything), ``schemas`` are directories for the catalog
        of a bus of its own. It serves nothing before ``start`` or ``run``.

        Raises ConfigError, CatalogError or ConnectFailed.
        """
        self.name = name if name is not None else default_source()
        self.queue = checked_name("the name of an agent", queue)
        self._own_queue = checked_name("the name of an agent", f"{queue}.{self.name}")
        self._workers = workers
        self._options = options or AgentOptions()
        directories = tuple(schemas)
        self._check(bus, directories)
        self._loop = LoopThread()
        self.commands = Commands(wait=self._loop.run)
        """What it offers; ``command`` adds to it."""
        self._server: RpcServer | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        with ExitStack() as stack:
            self._policy = _policy(policy, stack)
            self.bus = bus if isinstance(bus, Bus) else self._connected(bus, directories, stack)
            """Where it is."""
            self._attendance = self._present()
            BuiltIn(self._ground())
            self._rest = stack.pop_all()

    def _check(self, bus: Bus | str, schemas: tuple[str | Path, ...]) -> None:
        if not self.name:
            raise ConfigError("the name of a node is not empty")
        if self._workers < 1 or self._options.backlog < 0:
            raise ConfigError(
                f"node {self.name!r} has at least 1 worker and a backlog of at least 0, not"
                f" {self._workers} and {self._options.backlog}"
            )
        if isinstance(bus, Bus) and (schemas or self._options.bus is not None):
            raise ConfigError("a bus that is given has its schemas and options already")

    def _connected(self, url: str, schemas: tuple[str | Path, ...], stack: ExitStack) -> Bus:
        return stack.enter_context(
            connect(url, schemas=schemas, source=self.name, options=self._options.bus)
        )

    def _present(self) -> Attendance:
        options = self._options
        return Attendance(
            self.bus,
            self.name,
            describe=self._capabilities,
            measure=LoadMeter(self._workers, self._busy),
            interval=options.status_interval,
            node_timeout=options.node_timeout,
            client_timeout=options.client_timeout,
        )

    def _ground(self) -> Ground:
        return Ground(
            self.bus,
            self.name,
            self.commands,
            policy=lambda: self.policy,
            roster=lambda: self.roster,
            busy=self._busy,
        )

    def _capabilities(self) -> Capabilities:
        target = self.queue.rpartition(".")[2]
        described = self.commands.describe().items()
        return Capabilities(tuple(_told(name, said, target) for name, said in described))

    @property
    def policy(self) -> Policy:
        """What says who may do what, at this moment."""
        return self._policy.policy if isinstance(self._policy, PolicyFile) else self._policy

    def on_policy_change(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call ``listener`` when another policy is in force, on the thread that found it.

        Returns a function that ends this.
        """

        def tell(_: Policy) -> None:
            listener()

        return self._policy.on_change(tell) if isinstance(self._policy, PolicyFile) else _nothing

    @property
    def roster(self) -> NodeRoster:
        """Who else is there: nodes and clients, with what they offer and their load."""
        return self._attendance.roster

    @property
    def counters(self) -> CallCounters:
        """What became of the calls so far."""
        return CallCounters() if self._server is None else self._server.counters

    def _busy(self) -> int:
        return 0 if self._server is None else self._server.busy

    @overload
    def command(self, function: F, /) -> F: ...

    @overload
    def command(self, *, name: str | None = None, idempotent: bool = False) -> Callable[[F], F]: ...

    def command(
        self, function: Any = None, *, name: str | None = None, idempotent: bool = False
    ) -> Any:
        """Offer a function, sync or async, as a command; to be used as a decorator.

        A caller's arguments are checked and converted as the annotations say; a parameter
        ``user`` is filled with who calls. One that is ``idempotent`` may be carried out twice,
        and is, by another agent, when this one dies with it.

        Raises NameTaken, or ConfigError for parameters that no call can give.
        """

        def offer(offered: F) -> F:
            self.commands.add(offered, name=name, idempotent=idempotent)
            return offered

        return offer if function is None else offer(function)

    def start(self) -> None:
        """Take calls, and say that it is there; once it has started, do nothing.

        Raises TransportError, or ConfigError once it was closed.
        """
        with self._lock:
            if self._ended.is_set():
                raise ConfigError(f"agent {self.name!r} is closed")
            if self._server is not None:
                return
            self._server = self._serving()
        try:
            self._attendance.open()
        except BaseException as error:
            # A command may have closed it already.
            was_closed = self._ended.is_set()
            self.close()
            if not (was_closed and isinstance(error, ConnectionLost)):
                raise
        log.info("node %s serves %s at %s", self.name, self.queue, self.bus.transport.url)

    def _serving(self) -> RpcServer:
        options = ServerOptions(
            backlog=self._options.backlog,
            max_size=self.bus.publishing.options.max_size,
            is_idempotent=self.commands.is_idempotent,
        )
        return RpcServer(
            self.bus.transport,
            self.call,
            queue=(self.queue, self._own_queue),
            workers=self._workers,
            options=options,
        )

    def call(
        self, method: str, params: Any, user: str | None, *, groups: Collection[str] = ()
    ) -> Any:
        """Carry out a command for a user, on this thread, and return its result.

        ``params`` are a list or an object; ``groups`` are those of the user beside the ones
        that the policy knows. Raises AccessDenied, UnknownCommand, or what the command raises.
        """
        try:
            self.policy.check(Action.COMMAND, user, (method,), groups=groups)
            return self.commands.dispatch(method, params, user)
        except AccessDenied as error:
            why = "; ".join(getattr(error, "__notes__", ()))
            log.warning("denied to user %s: %.300s (%.300s)", user, error, why)
            raise

    def run(self) -> None:
        """Serve until Ctrl-C, SIGTERM or ``close``, then finish the calls that run.

        On the main thread a second signal ends the program at once. Raises as ``start`` does.
        """
        with ended_by_signals():
            try:
                self.start()
                self._ended.wait()
            except KeyboardInterrupt:
                log.info("node %s leaves, when the calls that run are done", self.name)
                end_at_once()
            finally:
                self.close()

    def close(self) -> None:
        """Take no more calls, finish those that run, and leave.

        Calls that have not begun go to others; those that still run after the ``stop_timeout``
        are given up.
        """
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
        if self._server is not None and not self._server.close(self._options.stop_timeout):
            seconds = self._options.stop_timeout
            log.warning("node %s leaves with calls that run for %g s", self.name, seconds)
        try:
            self._attendance.close()
        finally:
            self._loop.close()
            self._rest.close()

    def __enter__(self) -> Agent:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _policy(given: Policy | str | Path | None, stack: ExitStack) -> Policy | PolicyFile:
    if given is None or isinstance(given, Policy):
        return OPEN if given is None else given
    return stack.enter_context(PolicyFile(given))


def _told(name: str, said: Any, target: str) -> NodeMethod:
    signature = ", ".join(parameter["name"] for parameter in said["parameters"])
    return NodeMethod(
        name, path=name, target=target, signature=signature, documentation=said["documentation"]
    )


def _nothing() -> None:
    """End the listening to what never changes."""
