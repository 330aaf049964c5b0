"""The agent's commands under the name that Clacks programs use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from lxml import etree

from clacks_events.config import checked_name
from clacks_events.errors import RpcError
from clacks_events.event import Event, JsonValue
from clacks_events.rpc import DEFAULT_QUEUE, RpcClient
from clacks_events.transport import open_transport
from clacks_events.xml import decoded, parse_xml, serialise

__all__ = ["AMQPServiceProxy"]

Command: TypeAlias = Callable[..., Any]


class AMQPServiceProxy:
    """Calls the commands of an agent as if they were methods: ``proxy.getMethods()``.

    Arguments are either all positional or all named, and plain JSON data. Raises RpcTimeout when
    no agent answers, UnknownCommand (an AttributeError) for a command that none offers, and
    RemoteError for one that failed.
    """

    def __init__(self, url: str, *, timeout: float = 10.0, agent: str = DEFAULT_QUEUE) -> None:
        """Connect to the broker; ``timeout`` seconds is how long each call may take."""
        checked_name("the name of an agent", agent)
        self._transport = open_transport(url)
        self._client = RpcClient(self._transport, queue=agent, timeout=timeout)

    def sendEvent(self, data: Event | etree._Element | bytes | str) -> str:
        """Let the agent validate and publish an event, and return the event's id.

        Text may have an XML declaration or not. Raises EventError with path, line and reason.
        """
        return str(self._client.call("sendEvent", [_text(data)]))

    def __getattr__(self, name: str) -> Command:
        if name.startswith("_"):
            raise AttributeError(name)

        def command(*args: JsonValue, **kwargs: JsonValue) -> Any:
            if args and kwargs:
                raise RpcError(f"{name}: arguments are all positional or all named")
            return self._client.call(name, kwargs or list(args))

        return command

    def close(self) -> None:
        """Leave the broker."""
        self._transport.close()

    def __enter__(self) -> AMQPServiceProxy:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _text(data: Event | etree._Element | bytes | str) -> str:
    if isinstance(data, Event):
        return data.xml.decode()
    if isinstance(data, etree._Element):
        return serialise(data).decode()
    # What is no XML is refused here; otherwise the agent gets the text as it is, so that the
    # lines of its errors are those of the caller's text.
    if isinstance(data, bytes):
        return decoded(data)
    parse_xml(data)
    return data
