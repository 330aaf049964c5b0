"""The agent's commands under the name that Clacks programs use."""

from __future__ import annotations

from lxml import etree

from clacks_events.config import checked_name
from clacks_events.event import Event
from clacks_events.proxy.batch import Batch
from clacks_events.proxy.command import RemoteCommand
from clacks_events.proxy.methods import Methods
from clacks_events.rpc import DEFAULT_QUEUE, RpcClient
from clacks_events.transport import open_transport
from clacks_events.xml import decoded, parse_xml, serialise

__all__ = ["AMQPServiceProxy", "Batch", "RemoteCommand"]


class _Commands:
    """The commands of an agent as attributes, each call with the same timeout."""

    def __init__(self, client: RpcClient, methods: Methods, timeout: float | None = None) -> None:
        self._client = client
        self._methods = methods
        self._timeout = timeout

    def sendEvent(self, data: Event | etree._Element | bytes | str) -> str:
        """Let the agent validate and publish an event, and return the event's id.

        Text may have an XML declaration or not. Raises EventError with path, line and reason,
        or AccessDenied.
        """
        return str(self._client.call("sendEvent", [_text(data)], timeout=self._timeout))

    def timeout(self, seconds: float) -> _Commands:
        """Return the same commands with another timeout: ``proxy.timeout(60).addUser("x")``."""
        return _Commands(self._client, self._methods, seconds)

    def batch(self) -> Batch:
        """Make calls together: ``with proxy.batch() as batch: done = batch.addUser("x")``."""
        return Batch(self._client, self._methods, self._timeout)

    def __getattr__(self, name: str) -> RemoteCommand:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> RemoteCommand:
        """Return the command of a name, also one that is no attribute; raises UnknownCommand."""
        return RemoteCommand(self._client, name, self._methods.describe(name), self._timeout)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._methods.names})


class AMQPServiceProxy(_Commands):
    """Calls the commands of an agent as if they were methods: ``proxy.getMethods()``.

    Arguments are either all positional or all named, and plain JSON data. Raises RpcTimeout when
    no agent answers, UnknownCommand (an AttributeError) for a command that none offers, and
    RemoteError for one that failed. Each command can be called from any thread, also by
    ``proxy.name.future(…)``, and by ``await proxy.name.aio(…)``.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        agent: str = DEFAULT_QUEUE,
        node: str | None = None,
    ) -> None:
        """Connect to the broker, and ask what commands there are.

        ``timeout`` seconds is how long each call may take, ``agent`` is the queue that is
        called, and ``node`` the name of one of the agents that share it (default: any of them).
        """
        queue = checked_name("the name of an agent", agent if node is None else f"{agent}.{node}")
        self._transport = open_transport(url)
        try:
            client = RpcClient(self._transport, queue=queue, timeout=timeout)
            super().__init__(client, Methods(client))
        except BaseException:
            self._transport.close()
            raise

    def close(self) -> None:
        """Leave the broker."""
        self._transport.close()
        self._client.close()

    def __repr__(self) -> str:
        return f"<AMQPServiceProxy of {self._client.queue} at {self._transport.url}>"

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
