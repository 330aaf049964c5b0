"""The pages: what came, what is listened to, and a form for each change."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from clacks_events import Bus, ClacksError, NotRegistered, TransportError
from examples.web_logger.guard import check_origin, fields, form_data
from examples.web_logger.log import MOST_BYTES, MOST_EVENTS, Entry, EventLog
from examples.web_logger.markup import Markup, element, link, page, printable, table
from examples.web_logger.registrations import Registrations, TooMany

__all__ = ["Pages"]

Fields: TypeAlias = Mapping[str, str]

_ALIASES: Final = {"/remove": "/rem", "/clear": "/flush", "/config": "/cfg"}
_LARGEST = len(str(MOST_EVENTS))
_BOTH = ("sender", "event")


@dataclass(frozen=True, slots=True)
class _Action:
    """Something that a form does, on a thread, and the page that it leads to."""

    title: str
    label: str
    fields: tuple[str, ...]
    change: Callable[[Fields], None]
    then: str


class Pages:
    """The pages of one bus. A GET changes nothing; a POST needs the token that the forms have."""

    def __init__(self, bus: Bus) -> None:
        """Begin to listen. Raises ConnectionLost."""
        self._catalog = bus.catalog
        self._log = EventLog()
        self._registrations = Registrations(bus, self._log.add)
        self._token = secrets.token_urlsafe(32)
        self._changing = asyncio.Lock()
        self._actions = {
            "/add": _Action("Listen to", "Add", _BOTH, self._add, "/regs"),
            "/remove": _Action("Listen no more to", "Remove", _BOTH, self._remove, "/regs"),
            "/clear": _Action("Forget all events", "Clear", (), lambda _: self._log.clear(), "/"),
            "/config": _Action("Settings", "Set", ("limit",), self._set_limit, "/config"),
        }

    def app(self) -> Starlette:
        """Return the application, to be put behind a Guard."""
        routes = [Route("/", self._events)]
        routes += [Route(path, self._listened) for path in ("/regs", "/registrations")]
        for name in self._actions:
            for path in filter(None, (name, _ALIASES.get(name))):
                routes.append(Route(path, self._endpoint(name), methods=["GET", "POST"]))
        return Starlette(
            routes=routes, exception_handlers={HTTPException: _refusal, ClacksError: _refusal}
        )

    def _endpoint(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.method == "POST":
                return await self._act(name, request)
            return await run_in_threadpool(self._ask, name, request)

        return endpoint

    async def _act(self, name: str, request: Request) -> Response:
        action = self._actions[name]
        check_origin(request.headers)
        given = fields(await form_data(request), (*action.fields, "token"))
        if not hmac.compare_digest(given.pop("token", "").encode(), self._token.encode()):
            raise HTTPException(403, "this form is of no use any more; open the page again")
        # Listening may wait for the broker: on a thread, and on one only.
        async with self._changing:
            await run_in_threadpool(action.change, given)
        return RedirectResponse(action.then, 303)

    def _add(self, given: Fields) -> None:
        self._registrations.add(given.get("sender"), given.get("event"))

    def _remove(self, given: Fields) -> None:
        self._registrations.remove(given.get("sender"), given.get("event"))

    def _set_limit(self, given: Fields) -> None:
        text = given.get("limit", "")
        is_number = text.isascii() and text.isdecimal() and len(text) <= _LARGEST
        if not is_number or not 1 <= int(text) <= MOST_EVENTS:
            raise HTTPException(422, f"limit is a number from 1 to {MOST_EVENTS}, not {text!r}")
        self._log.set_limit(int(text))

    def _events(self, request: Request) -> Response:
        given = fields(request.scope["query_string"], (*_BOTH, "fmt"))
        format = given.pop("fmt", "html")
        entries = self._selected(given.get("sender"), given.get("event"))
        if format == "plain":
            return PlainTextResponse("".join(f"{entry.line}\n" for entry in entries))
        if format == "html":
            return HTMLResponse(self._events_page(entries, given))
        raise HTTPException(422, f"fmt is plain or html, not {format[:80]!r}")

    def _selected(self, sender: str | None, event: str | None) -> list[Entry]:
        type = None if event is None else self._catalog.resolve(event)
        return [
            entry
            for entry in self._log.newest_first()
            if sender in (None, entry.source)
            and (type is None or type in self._catalog.lineage(entry.type))
        ]

    def _events_page(self, entries: list[Entry], given: Fields) -> str:
        names = self._names()
        inputs = [_input(name, given.get(name, "")) for name in _BOTH]
        filter = element("form", *inputs, element("button", "Show"), _choices(names), action="/")
        links = (link("All", "/"), link("As text", "/", fmt="plain", **given))
        count = f"{len(entries)} shown, {self._log.received} came so far. "
        note = element("p", count, links[0], " ", links[1])
        rows = [_row(entry, names) for entry in entries]
        body = table(("Time", "Sender", "Event", "Content"), rows) if rows else _NOTHING
        return page("Events", filter, self._form("/clear", {}), note, body)

    def _listened(self, request: Request) -> Response:
        fields(request.scope["query_string"], ())
        names = self._names()
        rows = []
        for each in self._registrations:
            given = {"sender": each.sender or "", "event": each.event or ""}
            event = names.get(given["event"], given["event"])
            remove = self._form("/remove", given, is_hidden=True)
            rows.append((each.sender or _ANY, event or _ANY, remove))
        body = table(("Sender", "Event", ""), rows) if rows else _DEAF
        return HTMLResponse(page("Registrations", body, self._form("/add", {}), _choices(names)))

    def _ask(self, name: str, request: Request) -> Response:
        action = self._actions[name]
        given = fields(request.scope["query_string"], action.fields)
        note = f"{len(self._log.newest_first())} events are kept; at most {self._log.limit}"
        note += f" and {MOST_BYTES // 2**20} MiB. {self._log.received} came so far."
        choices = [_choices(self._names())] if "event" in action.fields else []
        form = self._form(name, given)
        return HTMLResponse(page(action.title, element("p", note), form, *choices))

    def _form(self, name: str, given: Fields, *, is_hidden: bool = False) -> Markup:
        action = self._actions[name]
        show = partial(_input, is_hidden=is_hidden)
        inputs = [show(field, given.get(field, "")) for field in action.fields]
        token = _input("token", self._token, is_hidden=True)
        button = element("button", action.label)
        return element("form", *inputs, token, button, method="post", action=name)

    def _names(self) -> dict[str, str]:
        """Return the shortest name of each event type."""
        types = self._catalog.types
        times = Counter(type.local_name for type in types)
        return {
            type.name: type.local_name if times[type.local_name] == 1 else type.name
            for type in types
        }


_ANY = element("em", "any")
_NOTHING = element("p", "No such event has come yet. The page does not reload by itself.")
_DEAF = element("p", "Nothing is listened to.")


def _input(name: str, value: str, *, is_hidden: bool = False) -> Markup:
    if is_hidden:
        return element("input", type="hidden", name=name, value=value)
    more = {"list": "types"} if name == "event" else {}
    return element("label", name, element("input", name=name, value=value, **more))


def _choices(names: Mapping[str, str]) -> Markup:
    options = (element("option", value=name) for name in names.values())
    return element("datalist", *options, id="types")


def _row(entry: Entry, names: Mapping[str, str]) -> tuple[str, ...]:
    event = names.get(entry.type, entry.type)
    xml = element("pre", entry.indented.decode(errors="replace"))
    return (
        element("time", entry.time),
        link(entry.source, "/", sender=entry.source),
        link(event, "/", event=event),
        element("details", element("summary", entry.summary.decode()), xml),
    )


def _refusal(request: Request, error: Exception) -> Response:
    status, headers = _status(error), getattr(error, "headers", None)
    reason = error.detail if isinstance(error, HTTPException) else str(error)
    if b"fmt=plain" in request.scope["query_string"].split(b"&"):
        return PlainTextResponse(f"{printable(reason)}\n", status, headers)
    return HTMLResponse(page("This cannot be done", element("p", reason)), status, headers)


def _status(error: Exception) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    statuses = {NotRegistered: 404, TooMany: 409, TransportError: 503}
    return next((code for kind, code in statuses.items() if isinstance(error, kind)), 422)
