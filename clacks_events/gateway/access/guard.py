"""The guard: what stands between the HTTP server and the application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clacks_events.agent.policy import Policy
from clacks_events.errors import ConfigError
from clacks_events.gateway.access.accounts import check_secrets, has_secrets
from clacks_events.gateway.access.address import Addresses, is_loopback
from clacks_events.gateway.access.admission import PROXY_HEADERS, Admission
from clacks_events.gateway.access.body import Body, check_length, has_body
from clacks_events.gateway.access.buckets import Buckets
from clacks_events.gateway.access.claims import (
    CREDENTIAL_HEADERS,
    claim_of,
    take_query_token,
)
from clacks_events.gateway.access.deadlines import Deadlines
from clacks_events.gateway.access.options import AccessOptions
from clacks_events.gateway.access.principal import Principal, set_principal
from clacks_events.gateway.access.refusal import Header, RefusalLog, Refused, answer
from clacks_events.gateway.access.sessions import Sessions
from clacks_events.gateway.access.sites import SITE_HEADERS, Sites

__all__ = ["Guard", "check_address"]

_PROBES: Final = frozenset({"/healthz", "/readyz"})
_PROBE: Final = Principal(None, "probe")
_FETCH_MODE: Final = b"sec-fetch-mode"
_BODY_HEADERS: Final = (b"content-length", b"transfer-encoding")


def check_address(host: str, options: AccessOptions, policy: Policy) -> bool:
    """Tell whether ``host``, to listen at, is one that other hosts reach.

    Raises ConfigError where they do while nothing says who may come in, and for secrets of the
    policy that are no hashes.
    """
    check_secrets(policy)
    is_wide = not is_loopback(host)
    if is_wide and not has_secrets(policy) and options.user_header is None:
        raise ConfigError(
            f"others reach {host or 'every address'!r}, and nothing says who may come in:"
            " give users of the policy a token or a password, or set user_header and proxies"
        )
    return is_wide


class Guard:
    """Lets requests and WebSockets in, each with its principal, or answers them itself."""

    def __init__(
        self,
        app: ASGIApp,
        options: AccessOptions,
        policy: Callable[[], Policy],
        *,
        sessions: Sessions | None = None,
    ) -> None:
        """Stand before ``app``; ``policy`` returns the same object until it changes."""
        self._app = app
        self._options = options
        self.sessions = sessions or Sessions(policy, options.session_lifetime)
        """The sessions whose tokens are credentials here."""
        self.refusals: Counter[int] = Counter()
        """How many were refused, by HTTP status."""
        self._addresses = Addresses(options.proxies)
        self._sites = Sites(options, self._addresses)
        self._admission = Admission(options, policy, self.sessions, self._addresses)
        self._rates = Buckets(options.rate, options.burst, options.clients)
        self._deadlines = Deadlines(options.body_timeout)
        self._open: dict[str, int] = {}
        self._log = RefusalLog(options.clients)
        own = () if options.user_header is None else (options.user_header.lower().encode(),)
        self._wanted = frozenset(
            (*SITE_HEADERS, *CREDENTIAL_HEADERS, *PROXY_HEADERS, *_BODY_HEADERS, _FETCH_MODE, *own)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket. Source: ASGI 3.0."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        token = take_query_token(scope)
        headers = self._headers(scope)
        if _is_probe(scope, headers):
            set_principal(scope, _PROBE, partial(self._admission.of_token, ""))
            await self._app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        address = self._addresses.client(peer, headers.get(b"x-forwarded-for"))
        if self._sites.has_cors:
            send = _with(self._sites.cors(headers), send)
        try:
            self._sites.check(scope, headers)
            if self._sites.has_cors and self._sites.is_preflight(scope, headers):
                await self._sites.answer_preflight(send)
                return
            check_length(headers, self._options.body)
            claim = claim_of(headers, token)
            principal = await self._admission.find(peer, address, headers, claim)
            self._check_limits(principal.client)
        except Refused as error:
            refused = error.for_scripts() if _is_script(headers) else error
            self._tell(address, refused)
            await answer(refused, scope, receive, send, has_body=has_body(headers))
            return
        set_principal(scope, principal, partial(self._admission.of_token, address))
        await self._counted(principal.client, self._serve(scope, receive, send, headers, address))

    def _headers(self, scope: Scope) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in self._wanted:
                # One in a line: that is in no value, so those that must be one are not taken
                # for it when they are two.
                found[name] = found[name] + b"\n" + value if name in found else value
        return found

    def _check_limits(self, client: str) -> None:
        if self._admission.is_open:
            return
        if self._open.get(client, 0) >= self._options.requests:
            raise Refused(429, "too many requests at a time", wait=1.0)
        wait = self._rates.take(client)
        if wait > 0.0:
            raise Refused(429, "too many requests", wait=wait)

    async def _counted(self, client: str, serving: Awaitable[None]) -> None:
        self._open[client] = self._open.get(client, 0) + 1
        try:
            await serving
        finally:
            left = self._open[client] - 1
            if left:
                self._open[client] = left
            else:
                del self._open[client]

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], address: str
    ) -> None:
        if not has_body(headers) or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = Body(scope, receive, send, self._options.body, self._deadlines)
        try:
            await self._app(scope, body.receive, body.send)
        except ClientDisconnect:
            # What the application makes of a body that was refused.
            if body.refused is None:
                raise
        finally:
            body.end()
        if body.refused is not None:
            self._tell(address, body.refused)

    def _tell(self, address: str, refused: Refused) -> None:
        self.refusals[refused.status] += 1
        self._log.tell(self._addresses.counted(address), refused)


def _is_script(headers: dict[bytes, bytes]) -> bool:
    return headers.get(_FETCH_MODE, b"navigate") != b"navigate"


def _is_probe(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    return (
        scope["path"] in _PROBES
        and scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and not has_body(headers)
    )


def _with(headers: tuple[Header, ...], send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return wrapped
