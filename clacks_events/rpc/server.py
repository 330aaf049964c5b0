"""The side that serves: calls from work queues, carried out by a pool of threads."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from clacks_events.config import checked_name
from clacks_events.errors import ClacksError, ConfigError
from clacks_events.rpc.answering import Answering, Dispatch
from clacks_events.rpc.counters import CallCounters, CallTally
from clacks_events.rpc.pool import Pool
from clacks_events.rpc.protocol import INTERNAL_ERROR, TOO_BUSY, Call, Reading, RpcFault, read
from clacks_events.transport.base import WINDOW, Request, Served, Transport
from clacks_events.xml import MAX_SIZE

__all__ = ["RpcServer", "ServerOptions"]

log = logging.getLogger(__name__)

_MOST_REFUSALS = 10_000  # that wait to be sent


def _never(method: str) -> bool:
    del method
    return False


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What can be set on a server."""

    backlog: int = 1000
    """How many calls may wait for a worker before more are refused."""
    max_size: int = MAX_SIZE
    """The largest body of a call in bytes."""
    is_idempotent: Callable[[str], bool] = _never
    """Whether a method may be carried out twice."""


class _Job:
    """A call on its way through the workers."""

    __slots__ = ("_lock", "is_accepted", "is_open", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.is_accepted = False
        self.is_open = True
        self._lock = Lock()

    def accept(self) -> bool:
        with self._lock:
            if not self.is_accepted:
                self.is_accepted = True
                self.is_open = self.request.accept()
            return self.is_open


class RpcServer:
    """Takes calls from work queues and carries them out on a pool of threads."""

    def __init__(
        self,
        transport: Transport,
        dispatch: Dispatch,
        *,
        queue: str | Sequence[str],
        workers: int,
        alone: bool = False,
        options: ServerOptions = ServerOptions(),
    ) -> None:
        """Start to serve; ``alone``: raises NameTaken while somebody else does."""
        queues = [queue] if isinstance(queue, str) else list(queue)
        for name in queues:
            checked_name("the name of an agent", name)
        if workers < 1 or options.backlog < 0:
            raise ConfigError(f"an agent has at least 1 worker, not {workers}")
        self._options = options
        self._tally = CallTally()
        self._answering = Answering(dispatch, self._tally)
        self._running: set[_Job] = set()
        self._pool: Pool[_Job] = Pool(self._carry_out, workers, options.backlog)
        self._refusals: Pool[Request] = Pool(self._refuse, 1, _MOST_REFUSALS)
        # Those beyond the backlog have to come in as well, to be refused.
        window = workers + options.backlog + WINDOW
        self._served: list[Served] = []
        try:
            for name in queues:
                self._served.append(transport.serve(name, self._take, alone=alone, window=window))
        except BaseException:
            self.close()
            raise

    @property
    def counters(self) -> CallCounters:
        """What became of the calls so far."""
        return self._tally.counters

    @property
    def busy(self) -> int:
        """How many workers carry out a call."""
        return self._pool.busy

    def _take(self, request: Request) -> None:
        if not self._pool.put(_Job(request)):
            # Not here: on the thread of the transport nothing may wait.
            self._refusals.put(request)

    def _carry_out(self, job: _Job) -> None:
        self._guarded(lambda: self._work(job))

    def _refuse(self, request: Request) -> None:
        fault = RpcFault(TOO_BUSY, f"too busy: {self._options.backlog} calls wait already")
        request.accept()
        self._guarded(lambda: self._answer(request, self._read(request), fault))

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except ClacksError as error:
            # The broker is away, and with it whoever asked.
            if self._tally.count("dropped"):
                log.warning("an answer was not sent: %s", error)
        except Exception:
            # The last stop of a pool thread: whatever went wrong is at least seen.
            log.exception("a call was not answered")

    def _work(self, job: _Job) -> None:
        request = job.request
        if request.deadline <= time.monotonic():
            job.accept()
            if self._tally.count("expired"):
                log.warning("a call of user %s waited for too long", request.message.user)
            return
        reading = self._read(request)
        if request.is_redelivered or not self._may_repeat(reading):
            if not job.accept():
                # It came through a connection that is lost: somebody else has it by now.
                return
        else:
            self._running.add(job)
        try:
            self._answer(request, reading)
        finally:
            self._running.discard(job)
            job.accept()

    def _read(self, request: Request) -> Reading:
        return read(request.message.body, self._options.max_size)

    def _may_repeat(self, reading: Reading) -> bool:
        return all(
            isinstance(call, Call) and self._options.is_idempotent(call.method)
            for call in reading.calls
        )

    def _answer(self, request: Request, reading: Reading, fault: RpcFault | None = None) -> None:
        user = request.message.user
        response = self._answering.answer(reading, user, fault)
        if response is not None and len(response) > self._options.max_size:
            reason = f"an answer of {len(response)} bytes; at most {self._options.max_size}"
            response = self._answering.answer(reading, user, RpcFault(INTERNAL_ERROR, reason))
        if response is None:
            return
        is_late = request.deadline <= time.monotonic()
        if (is_late or not request.reply(response)) and self._tally.count("dropped"):
            log.warning("user %s does not wait for an answer any more", user)

    def close(self, timeout: float | None = None) -> bool:
        """Take no more calls and finish those that run; those that wait go to others.

        Return False if one still runs after ``timeout`` seconds.
        """
        self._refusals.stop()
        self._pool.stop()
        for job in tuple(self._running):
            # It is answered here.
            job.accept()
        for served in self._served:
            served.close()
        self._refusals.join(timeout)
        return self._pool.join(timeout)
