"""Which requests are answered: those meant for this server, and changes that its own page sends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples.web_logger.markup import STYLE_HASH

__all__ = ["LOOPBACK", "Guard", "check_origin", "fields", "form_data"]

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
"""What a server on this machine is called."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:/@\[\]]+)(?::\d{1,5})?")
_MOST_FIELDS = 8
_LONGEST_VALUE = 500  # characters
_LONGEST_FORM = 2**13  # bytes
_PATIENCE = 10.0  # seconds for the whole of a form
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src '{STYLE_HASH}';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers say "Origin: null" for the page's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets in who calls the server by one of its names, and puts the headers on every answer.

    Whoever runs another site can have its name lead to this machine. A browser takes both for
    one site then, and lets the other one's scripts read all; but it says the name that it used.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        """``names`` are hosts without a port, in lower case; IPv6 addresses in brackets."""
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        found = _HOST.fullmatch(Headers(scope=scope).get("host", "").lower())
        if found is not None and found[1] in self._names:
            await self._app(scope, receive, guarded)
        else:
            known = f"this server is called {', '.join(self._names)}; --host adds a name\n"
            await PlainTextResponse(known, 403)(scope, receive, guarded)


def check_origin(headers: Headers) -> None:
    """Raise HTTPException (403) for a request that another site's page has made."""
    here = [f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https")]
    site = headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or headers.get("origin", here[0]).lower() not in here:
        raise HTTPException(403, "changes come from the forms of this page only")


def fields(data: bytes, known: Collection[str]) -> dict[str, str]:
    """Return the fields of a query or a form; those that are empty are left out.

    Raises HTTPException (422) for one that is not known, too long or there twice.
    """
    try:
        pairs = parse_qsl(data.decode(), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        reason = f"no form: UTF-8, percent-encoded, up to {_MOST_FIELDS} fields"
        raise HTTPException(422, reason) from error
    for name, value in pairs:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise HTTPException(422, f"no parameter {name[:80]!r}; there is {there}")
        if len(value) > _LONGEST_VALUE:
            raise HTTPException(422, f"{name} has more than {_LONGEST_VALUE} characters")
    given = dict(pairs)
    if len(given) < len(pairs):
        raise HTTPException(422, "a parameter is there twice")
    return given


async def form_data(request: Request) -> bytes:
    """Read a form. Raises HTTPException (400, 408, 413, 415)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "a form is application/x-www-form-urlencoded")
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LONGEST_FORM:
                    raise HTTPException(413, f"a form has up to {_LONGEST_FORM} bytes")
    except TimeoutError as error:
        raise HTTPException(408, f"the form took more than {_PATIENCE:g} s") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the form ended early") from error
    return bytes(body)
