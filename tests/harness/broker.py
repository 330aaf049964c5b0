"""What every RabbitMQ node of the tests can do, wherever it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from kombu.connection import Connection
from kombu.exceptions import OperationalError

from tests.harness.waiting import listening, wait_until

__all__ = ["PASSWORD", "USER", "VHOST", "Broker", "BrokerError", "connected"]

USER = "admin"
PASSWORD = "secret"
VHOST = "org.clacks"

START_TIMEOUT = 60.0
VHOSTS_AT_ONCE = 25

# rabbitmqctl takes a third of a second or more for each command; this makes many in one.
ADD_VHOSTS = """
lists:foreach(fun(Name) -> rabbit_vhost:delete(Name, <<"tests">>) end, [{used}]),
lists:foreach(fun(Name) ->
    rabbit_vhost:add(Name, <<"tests">>),
    rabbit_auth_backend_internal:set_permissions(
        <<"{user}">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"tests">>)
end, [{names}]).
"""


class BrokerError(RuntimeError):
    """A node that did not start, stop or obey; the end of its log is in the message."""


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Any]:
    """Give an open kombu connection; ``options`` are those of kombu.Connection.

    Raises kombu.exceptions.OperationalError after one try. The type is Any because kombu
    says that it is typed and is not.
    """
    with Connection(url, connect_timeout=5, **options) as connection:  # type: ignore[no-untyped-call]
        connection.ensure_connection(max_retries=1, interval_start=0)
        yield connection


class Broker(ABC):
    """A private RabbitMQ node with an AMQP and a TLS listener, the user ``admin`` with the
    password ``secret`` and the vhost ``org.clacks``.

    It keeps its ports and its data over ``stop`` or ``kill`` and ``start``.
    """

    host = "127.0.0.1"

    def __init__(self, port: int, tls_port: int) -> None:
        self.port = port
        self.tls_port = tls_port
        self._numbers: Iterator[int] = count()
        self._spare_vhosts: list[str] = []
        self._used_vhosts: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.delete()

    @property
    def url(self) -> str:
        return self.url_for()

    @property
    def amqps_url(self) -> str:
        return self.url_for(tls=True)

    def url_for(
        self, vhost: str = VHOST, *, user: str = USER, password: str = PASSWORD, tls: bool = False
    ) -> str:
        """Return the AMQP URI of a vhost."""
        credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
        address = f"localhost:{self.tls_port}" if tls else f"{self.host}:{self.port}"
        scheme = "amqps" if tls else "amqp"
        return f"{scheme}://{credentials}@{address}/{quote(vhost, safe='')}"

    def fresh_vhost(self) -> str:
        """Return the name of an empty vhost that nobody else was given."""
        if not self._spare_vhosts:
            self._spare_vhosts = [f"test-{next(self._numbers)}" for _ in range(VHOSTS_AT_ONCE)]
            used, self._used_vhosts = self._used_vhosts, []
            script = ADD_VHOSTS.format(
                user=USER, names=_binaries(self._spare_vhosts), used=_binaries(used)
            )
            self.ctl("eval", script)
        return self._spare_vhosts.pop(0)

    def give_back_vhost(self, name: str) -> None:
        """Let a vhost be deleted, soon: with each that there is, adding others takes longer."""
        self._used_vhosts.append(name)

    def start(self) -> None:
        """Start the node and return when it takes logins. Raises BrokerError."""
        self.launch()
        wait_until(self._ready, START_TIMEOUT, lambda: f"RabbitMQ is up\n{self.log()}", 0.02)

    def restart(self) -> None:
        """Stop the node in good order and start it again."""
        self.stop()
        self.start()

    def _ready(self) -> bool:
        self.check_alive()
        return listening(self.port, self.host) and listening(self.tls_port) and self._logs_in()

    def _logs_in(self) -> bool:
        try:
            with connected(self.url) as connection:
                return bool(connection.connected)
        except OperationalError:
            return False

    @abstractmethod
    def launch(self) -> None:
        """Start the node and return at once."""

    @abstractmethod
    def check_alive(self) -> None:
        """Raise BrokerError if the node has ended by itself."""

    @abstractmethod
    def stop(self) -> None:
        """Shut the node down in good order and return when it is gone."""

    @abstractmethod
    def kill(self) -> None:
        """End the node with SIGKILL and return when it is gone."""

    @abstractmethod
    def delete(self) -> None:
        """End the node, running or not, and remove its data."""

    @abstractmethod
    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl -q`` against the node and return what it printed.

        Raises BrokerError with its output when it fails.
        """

    @abstractmethod
    def log(self) -> str:
        """Return the end of the node's log."""


def _binaries(names: Iterable[str]) -> str:
    return ", ".join(f'<<"{name}">>' for name in names)
