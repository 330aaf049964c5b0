"""Requests to senders: how they are made, and which queues they take."""

from __future__ import annotations

from clacks_events.errors import ConfigError, NobodyListens, RpcTimeout, UnknownSender
from clacks_events.event import JsonValue
from clacks_events.rpc import Parameters, RpcClient
from clacks_events.transport.base import Transport

__all__ = ["Requests", "queue_of"]

_PREFIX = "clacks.sender."
_LONGEST = 255 - len(_PREFIX)  # bytes: AMQP 0-9-1 carries a queue name as a short string
_LONGEST_TIMEOUT = 1e6  # seconds: AMQP brokers count the milliseconds in 32 bits


def queue_of(sender: str) -> str:
    """Return the work queue of a sender; raise ConfigError for a name that none can have."""
    try:
        is_fit = 0 < len(sender.encode()) <= _LONGEST
    except (AttributeError, UnicodeEncodeError) as error:
        raise ConfigError(f"the name of a sender is Unicode text, not {sender!r}") from error
    if not is_fit:
        raise ConfigError(f"the name of a sender has 1 to {_LONGEST} bytes: {sender[:80]!r}")
    return _PREFIX + sender


class Requests:
    """Makes requests to the senders of a bus, from any thread."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def request(
        self,
        sender: str,
        method: str,
        params: Parameters | None = None,
        timeout: float = 10.0,
    ) -> JsonValue:
        """Ask a sender to carry out one of its methods; ``timeout`` is in seconds.

        Raises UnknownSender at once if there is none that takes requests, UnknownCommand,
        RpcTimeout, ConfigError, RemoteError or the error of ours that the method met.
        """
        if not 0 < timeout <= _LONGEST_TIMEOUT:
            raise ConfigError(
                f"a timeout is above 0 and at most {_LONGEST_TIMEOUT:g} seconds: {timeout!r}"
            )
        queue = queue_of(sender)
        client = RpcClient(self._transport, queue=queue, timeout=timeout, alone=True)
        try:
            return client.call(method, () if params is None else params)
        except NobodyListens as error:
            raise UnknownSender(f"no sender {sender!r} at {self._transport.url}") from error
        except RpcTimeout as error:
            raise RpcTimeout(
                f"sender {sender!r} did not answer {method} within {timeout:g} s"
            ) from error
