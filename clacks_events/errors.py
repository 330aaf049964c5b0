"""Every exception that crosses the public API.

::

    ClacksError
    ├─ ConfigError(ValueError)
    │   ├─ NameTaken               somebody has this name already
    │   └─ NotRegistered(LookupError)
    ├─ CatalogError                schemas that cannot be loaded or contradict each other
    ├─ AccessDenied
    ├─ LimitReached                .retry_after
    ├─ EventError                  .path .line .reason
    │   ├─ MalformedEvent          not well-formed XML, or not an event
    │   ├─ UnknownEventType        no schema declares it
    │   └─ InvalidEvent            breaks its schema; .value
    ├─ FilterError(ValueError)     .text .span; str() draws a caret
    │   ├─ FilterSyntaxError       not XQuery
    │   ├─ FilterTypeError         XQuery that can only fail
    │   └─ UnsupportedFilter       XQuery outside of what filters may use
    ├─ EvaluationError             a filter that failed on one event: no match
    ├─ TransportError              .url (without the password)
    │   ├─ ConnectFailed
    │   ├─ ConnectionLost
    │   └─ PublishFailed
    │       └─ NobodyListens
    └─ RpcError
        ├─ RpcTimeout(TimeoutError)
        ├─ UnknownCommand(AttributeError)
        ├─ UnknownSender(LookupError)
        └─ RemoteError             .code .message .data

Rule: an exception of a foreign library never leaves the package; it is the ``__cause__``
of one of these.
"""

from __future__ import annotations

__all__ = [
    "AccessDenied",
    "CatalogError",
    "ClacksError",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "EvaluationError",
    "EventError",
    "FilterError",
    "FilterSyntaxError",
    "FilterTypeError",
    "InvalidEvent",
    "LimitReached",
    "MalformedEvent",
    "NameTaken",
    "NobodyListens",
    "NotRegistered",
    "PublishFailed",
    "RemoteError",
    "RpcError",
    "RpcTimeout",
    "TransportError",
    "UnknownCommand",
    "UnknownEventType",
    "UnknownSender",
    "UnsupportedFilter",
]


class ClacksError(Exception):
    """The root of all errors of this package."""


class ConfigError(ClacksError, ValueError):
    """An option, a URL or a setting that cannot be used as given."""


class NameTaken(ConfigError):
    """A name that somebody has already: a sender, a subscription, a pattern."""


class NotRegistered(ConfigError, LookupError):
    """A name that nothing is registered under."""


class CatalogError(ClacksError):
    """Schemas that cannot be loaded or that contradict each other."""

    def __init__(self, reason: str, *, file: str = "", line: int = 0) -> None:
        self.reason = reason
        self.file = file
        self.line = line
        super().__init__(reason)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return (where if self.file else "") + self.reason


class AccessDenied(ClacksError):
    """A principal that may not do what it asked for."""


class LimitReached(ClacksError):
    """More than one client may have, or than there is room for.

    ``retry_after`` is the number of seconds after which it may go well; 0 where something has to
    be given up first.
    """

    def __init__(self, reason: str, *, retry_after: float = 0.0) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(reason)


class EventError(ClacksError):
    """An event that cannot be published or delivered."""

    def __init__(self, reason: str, *, path: str = "", line: int = 0) -> None:
        self.reason = reason
        self.path = path
        self.line = line
        super().__init__(reason)

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else ""
        if self.path:
            where = f"{self.path} ({where})" if where else self.path
        return f"{where}: {self.reason}" if where else self.reason


class MalformedEvent(EventError):
    """Not well-formed XML, or not one event in one envelope."""


class UnknownEventType(EventError):
    """A payload whose type no schema of the catalog declares."""


class InvalidEvent(EventError):
    """A payload that breaks the schema of its type."""

    def __init__(
        self, reason: str, *, path: str = "", line: int = 0, value: str | None = None
    ) -> None:
        super().__init__(reason, path=path, line=line)
        self.value = value


class FilterError(ClacksError, ValueError):
    """A query that cannot be used as a filter.

    ``span`` is the half-open range of characters of ``text`` at fault.
    """

    def __init__(self, reason: str, text: str = "", span: tuple[int, int] = (0, 0)) -> None:
        self.reason = reason
        self.text = text
        self.span = span
        super().__init__(reason)

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the fault, both counted from 1."""
        before = self.text[: self.span[0]]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def __str__(self) -> str:
        if not self.text:
            return self.reason
        line, column = self.position
        source = self.text.split("\n")[line - 1]
        width = max(1, min(self.span[1] - self.span[0], len(source) - column + 1))
        # Tabs are kept in the padding so that the caret stays under its character.
        padding = "".join("\t" if char == "\t" else " " for char in source[: column - 1])
        caret = padding + "^" * width
        return f"line {line}, column {column}: {self.reason}\n  {source}\n  {caret}"


class FilterSyntaxError(FilterError):
    """Not XQuery."""


class FilterTypeError(FilterError):
    """XQuery that can only fail, whatever the event."""


class UnsupportedFilter(FilterError):
    """XQuery outside of what a filter may use."""


class EvaluationError(ClacksError):
    """A query that failed on one event, which is no match.

    ``code`` is the local name of the W3C error, such as ``FORG0001``, or empty.
    """

    def __init__(self, reason: str, code: str = "") -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)

    def __str__(self) -> str:
        return f"{self.reason} [{self.code}]" if self.code else self.reason


class TransportError(ClacksError):
    """Trouble on the way to or from the broker."""

    def __init__(self, reason: str, *, url: str = "") -> None:
        self.reason = reason
        self.url = url
        super().__init__(reason)

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}" if self.url else self.reason


class ConnectFailed(TransportError):
    """No connection could be made."""


class ConnectionLost(TransportError):
    """The connection broke and did not come back in time."""


class PublishFailed(TransportError):
    """The broker did not take the event."""


class NobodyListens(PublishFailed):
    """No queue takes the message, or nobody serves the one that it is for."""


class RpcError(ClacksError):
    """A call that did not bring a result."""


class RpcTimeout(RpcError, TimeoutError):
    """Nobody answered in time."""


class UnknownCommand(RpcError, AttributeError):
    """No agent offers this command."""


class UnknownSender(RpcError, LookupError):
    """No sender of this name is on the bus, or it takes no requests."""


class RemoteError(RpcError):
    """The error that an agent answered with."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message} (code {self.code})"
