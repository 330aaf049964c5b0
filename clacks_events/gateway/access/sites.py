"""Whether a request was meant for this gateway, and whether a page may have made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import Scope, Send

from clacks_events.gateway.access.address import Addresses
from clacks_events.gateway.access.hosts import Hosts, Origins
from clacks_events.gateway.access.options import AccessOptions
from clacks_events.gateway.access.refusal import Header, Refused

__all__ = ["SITE_HEADERS", "Sites"]

SITE_HEADERS: Final = (b"host", b"origin", b"sec-fetch-site", b"access-control-request-method")
"""The headers that say so."""

# Not "same-site": that is what another port of this host is, too.
_OWN_SITES: Final = frozenset({b"same-origin", b"none"})
_LONGEST: Final = 80  # characters of a header that are shown
_VARY: Final[Header] = (b"vary", b"Origin")
_EXPOSED: Final[Header] = (b"access-control-expose-headers", b"Location, Retry-After")
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Last-Event-ID, X-SessionToken, x-afb-token",
    ),
    (b"access-control-max-age", b"600"),
)


class Sites:
    """The sites that requests are for, and those whose pages may make them."""

    def __init__(self, options: AccessOptions, addresses: Addresses) -> None:
        """Check with the hosts and origins of the options."""
        self._hosts = Hosts(options.hosts)
        self._origins = Origins(options.origins)
        self._addresses = addresses
        self._is_anonymous = options.anonymous
        self.has_cors = bool(self._origins.allowed)
        """Whether pages of other sites may use the gateway."""

    def check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raise Refused for a foreign host, or a page of a foreign site."""
        host = headers.get(b"host")
        if host is None or not self._hosts.is_valid(host):
            raise Refused(400, "one valid Host header is needed")
        if not self._hosts.allows(host) and not self._is_harmless(scope, host):
            raise Refused(
                421, f"{_shown(host)} is not a host of this gateway; see the option hosts"
            )
        origin = headers.get(b"origin")
        if origin is None:
            self._check_fetch(headers)
        elif not self._origins.allows(origin, host, scope["scheme"] in ("https", "wss")):
            raise Refused(403, f"pages of {_shown(origin)} may not use this gateway")

    def _is_harmless(self, scope: Scope, host: bytes) -> bool:
        # Whoever comes in at another address than loopback needs credentials, which browsers
        # keep for each name: one of a hostile site that points here gets none of ours. Where
        # none are needed it has to be an address, which points nowhere else.
        server = scope.get("server")
        if self._hosts.are_given or server is None or self._addresses.is_local(server[0]):
            return False
        return not self._is_anonymous or self._hosts.is_address(host)

    def _check_fetch(self, headers: Mapping[bytes, bytes]) -> None:
        # Browsers leave Origin out where a page only shows what it fetches (Fetch Metadata).
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in _OWN_SITES:
            raise Refused(403, "pages of other sites may not use this gateway")

    def is_preflight(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        """Tell whether a browser asks whether it may ask. Source: Fetch, CORS-preflight fetch."""
        return (
            b"access-control-request-method" in headers
            and b"origin" in headers
            and scope["type"] == "http"
            and scope["method"] == "OPTIONS"
        )

    def cors(self, headers: Mapping[bytes, bytes]) -> tuple[Header, ...]:
        """Return the headers of an answer that let pages of other origins read it."""
        origin = headers.get(b"origin")
        if origin not in self._origins.allowed:
            return (_VARY,)
        return _VARY, (b"access-control-allow-origin", origin), _EXPOSED

    async def answer_preflight(self, send: Send) -> None:
        """Say what pages of other origins may send."""
        await send({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)})
        await send({"type": "http.response.body", "body": b""})


def _shown(header: bytes) -> str:
    text = repr(header.decode("latin-1"))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
