"""The side that calls, from any thread."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from functools import partial
from itertools import count

from clacks_events.config import checked_name
from clacks_events.errors import ClacksError, ConfigError, RpcTimeout
from clacks_events.event import JsonValue
from clacks_events.rpc.calling import Asked, Parameters, asking, batch_results, result_of
from clacks_events.rpc.protocol import MOST_CALLS
from clacks_events.rpc.settling import Settler
from clacks_events.transport.base import Message, Transport

__all__ = ["RpcClient"]

_LONGEST_TIMEOUT = 1e6  # seconds: AMQP brokers count the milliseconds in 32 bits


class RpcClient:
    """Makes calls to whoever serves a work queue.

    Each call takes ``timeout`` seconds at the most, those of the client unless given.
    """

    def __init__(
        self, transport: Transport, *, queue: str, timeout: float, alone: bool = False
    ) -> None:
        """Call a queue; ``alone``: one that is served so, or not at all."""
        self._transport = transport
        self.queue = checked_name("the name of an agent", queue)
        self._timeout = _checked(timeout)
        self._is_alone = alone
        self._numbers = count(1)
        self._settler = Settler()

    def call(
        self, method: str, params: Parameters = (), *, timeout: float | None = None
    ) -> JsonValue:
        """Call a method and wait for its result.

        Raises RpcTimeout when nobody answers in time, UnknownCommand, RemoteError, or the error
        of ours that the agent met; NobodyListens when nobody serves a queue served alone.
        """
        seconds = self._seconds(timeout)
        body = asking(Asked(method, params), next(self._numbers))
        return result_of(self._wait(self._send(body, seconds), method, seconds), method)

    def submit(
        self, method: str, params: Parameters = (), *, timeout: float | None = None
    ) -> Future[JsonValue]:
        """Call a method and return the future of its result; see ``call``."""
        seconds = self._seconds(timeout)
        pending = self._send(asking(Asked(method, params), next(self._numbers)), seconds)
        read = partial(result_of, method=method)
        return self._settler.follow(pending, read, partial(self._late, method, seconds), seconds)

    def batch(
        self, calls: Sequence[Asked], *, timeout: float | None = None
    ) -> list[JsonValue | ClacksError]:
        """Make calls together; return for each its result, or the error to raise for it.

        Raises RpcTimeout or RpcError when there is no answer to any of them, ConfigError for more
        calls than a batch may have.
        """
        if not calls:
            return []
        if len(calls) > MOST_CALLS:
            raise ConfigError(f"a batch has at most {MOST_CALLS} calls, not {len(calls)}")
        seconds = self._seconds(timeout)
        body = b",".join(asking(call, number) for number, call in enumerate(calls))
        pending = self._send(b"[" + body + b"]", seconds)
        return batch_results(self._wait(pending, "a batch", seconds), calls)

    def _seconds(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else _checked(timeout)

    def _send(self, body: bytes, seconds: float) -> Future[bytes]:
        message = Message(body, content_type="application/json")
        return self._transport.request(self.queue, message, seconds, alone=self._is_alone)

    def _wait(self, pending: Future[bytes], method: str, seconds: float) -> bytes:
        try:
            return pending.result(seconds)
        except NotInTime as error:
            pending.cancel()
            raise self._late(method, seconds) from error

    def _late(self, method: str, seconds: float) -> RpcTimeout:
        return RpcTimeout(
            f"nobody answered {method} within {seconds:g} s; does an agent serve"
            f" {self.queue} at {self._transport.url}?"
        )

    def close(self) -> None:
        """Give up; to be called after the transport was closed."""
        self._settler.close()


def _checked(timeout: float) -> float:
    if not 0 < timeout <= _LONGEST_TIMEOUT:
        raise ConfigError(
            f"a timeout is above 0 and at most {_LONGEST_TIMEOUT:g} seconds: {timeout!r}"
        )
    return timeout
