"""How a connection begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.websockets import WebSocket

from clacks_events.errors import LimitReached
from clacks_events.gateway.access import principal_of
from clacks_events.gateway.afb.line import Line
from clacks_events.gateway.afb.session import Session
from clacks_events.gateway.afb.tokens import Tokens
from clacks_events.gateway.afb.verbs import Verbs
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.problem import Problem, problem

__all__ = ["SUBPROTOCOL", "Door", "chosen"]

SUBPROTOCOL: Final = "x-afb-ws-json1"


class Door:
    """Lets clients of the protocol in."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def open(self, socket: WebSocket) -> None:
        """Serve a connection to its end, or refuse it with an HTTP status: 412 or 429."""
        gate, principal = self._gate, principal_of(socket.scope)
        try:
            subprotocol = chosen(socket.scope["subprotocols"])
            stream = await gate.open_stream(principal, "afb")
        except (Problem, LimitReached) as error:
            await socket.receive()
            await socket.send_denial_response(problem(error, instance=socket.url.path))
            return
        try:
            await socket.accept(subprotocol)
            line = Line(socket, gate.options.connections.stall)
            verbs = Verbs(gate, Tokens(socket.scope), stream)
            await Session(gate, verbs, line, stream).run()
        finally:
            stream.close()


def chosen(offered: Sequence[str]) -> str | None:
    """Return the subprotocol to answer with, as the client writes it; None if it offers none.

    Raises Problem 412 when what it offers is not spoken here.
    """
    if not offered:
        return None
    for name in offered:
        if name.lower() == SUBPROTOCOL:
            return name
    raise Problem(412, f"the subprotocol spoken here is {SUBPROTOCOL}")
