"""Broker URLs and the options of a bus."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from clacks_events.errors import ConfigError
from clacks_events.xml import MAX_SIZE

__all__ = ["BusOptions", "Endpoint", "checked_name", "parse_address", "parse_url"]

_LONGEST_NAME = 255  # bytes of an AMQP short string
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_OPTION = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker URL, taken apart and percent-decoded."""

    scheme: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: int | None = None
    path: str = ""
    """What follows the host, without the slash: the virtual host of AMQP."""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def redacted(self) -> str:
        """The URL as it may be shown: without password and options."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        path = f"/{quote(self.path, safe='')}" if self.path else ""
        return f"{self.scheme}://{user}{host}{port}{path}"

    def check_options(self, known: Collection[str]) -> None:
        """Raise ConfigError, with a near match, for an option that nobody reads."""
        for name in self.options:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                others = f"; known: {', '.join(known)}" if known else "; it has none"
                hint = f"; did you mean {near[0]!r}?" if near else others
                raise ConfigError(f"{self.redacted}: unknown option {name!r}{hint}")


def parse_url(url: str) -> Endpoint:
    """Take a broker URL apart.

    Source: the RabbitMQ URI specification: every part is percent-decoded, the path is the virtual
    host. Raises ConfigError, which never shows the password.
    """
    scheme = url.partition("://")[0].lower()
    if "://" not in url or not _SCHEME.fullmatch(scheme):
        raise ConfigError("not a broker URL: it starts with a scheme, as in amqp://host/vhost")
    found = _taken_apart(scheme, url)
    if found is None:
        # Raised here, where no other error is at hand that could show the password.
        raise ConfigError(_hint(scheme))
    return found


def _taken_apart(scheme: str, url: str) -> Endpoint | None:
    try:
        parts = urlsplit(url)
        if _is_garbled(parts):
            return None
        return Endpoint(
            scheme=scheme,
            user=_decoded(parts.username),
            password=_decoded(parts.password),
            host=_decoded(parts.hostname),
            port=parts.port,
            path=_decoded(parts.path[1:]),
            options=_options(parts.query),
        )
    except ValueError:
        return None


def _is_garbled(parts: SplitResult) -> bool:
    # Signs that a character of the password ended the part that it was meant for.
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    return bool(parts.fragment) or any("@" in text for text in (user, parts.path, parts.query))


def _decoded(text: str | None) -> str:
    return unquote(text or "", errors="strict")


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
    if not all(_OPTION.fullmatch(name) for name in options):
        raise ValueError
    return options


def _hint(scheme: str) -> str:
    return (
        f"cannot read the {scheme}:// URL: the port must be a number up to 65535, and special"
        " characters in user, password and path are %-encoded (# as %23, / as %2F, @ as %40)"
    )


def parse_address(text: str) -> tuple[str, int]:
    """Take ``HOST:PORT``, where something is to listen, apart. Raises ConfigError."""
    try:
        endpoint = parse_url(f"tcp://{text}")
    except ConfigError:
        endpoint = None
    if endpoint is None or not endpoint.host or endpoint.port is None or set("/?@") & set(text):
        raise ConfigError(f"an address is HOST:PORT, not {text!r}")
    return endpoint.host, endpoint.port


def checked_name(what: str, name: str) -> str:
    """Return the name of a queue; raise ConfigError for one that no broker can have."""
    # AMQP 0-9-1 carries it as a short string; RabbitMQ keeps "amq." for itself.
    if not 0 < len(name.encode(errors="replace")) <= _LONGEST_NAME or name.startswith("amq."):
        raise ConfigError(
            f"{what} has 1 to {_LONGEST_NAME} bytes and does not begin with 'amq.': {name[:80]!r}"
        )
    return name


@dataclass(frozen=True, slots=True)
class BusOptions:
    """What can be set on a bus beside its URL; times are in seconds."""

    publish_timeout: float = 5.0
    """How long publishing waits for a broker that is away before it raises ConnectionLost."""
    max_size: int = MAX_SIZE
    """The largest event in bytes, for publishing and receiving."""
    window: int = 1000
    """How many deliveries may be on their way through handlers before the broker waits."""
    check_incoming: bool = True
    """Whether events that arrive are validated before a handler sees them."""
    watch_schemas: bool = True
    """Whether schema files that come, change or go take effect while the bus runs."""
    presence_interval: float = 5.0
    """How often a sender says that it is still there; after three of these it is not."""
