"""How it is: who is there, whether all is well, what was counted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from clacks_events.agent.policy import Action
from clacks_events.envelope import NAMESPACE
from clacks_events.gateway.access import Principal, principal_of
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.metrics import MEDIA_TYPE
from clacks_events.gateway.plain.answers import SAFE, live
from clacks_events.gateway.plain.entry import ANY, TEXT, Entry, Operation, answer
from clacks_events.gateway.problem import Problem

__all__ = ["entries"]

_RETRY: Final = {"Retry-After": "1"}
_OK: Final = {"type": "object", "properties": {"status": {"const": "ok"}}}
_PEERS: Final = {"type": "array", "items": ANY}

_ROSTER: Final = Operation(
    id="getRoster",
    tag="state",
    summary="Who is on the bus",
    text="Whoever asks must be allowed to call `getNodes` and `getClients`.",
    answers={
        200: answer(
            "Nodes (agents), clients, and senders of events.",
            json={
                "type": "object",
                "properties": {"nodes": _PEERS, "clients": _PEERS, "senders": _PEERS},
            },
        )
    },
    problems=(403, 503),
)
_HEALTH: Final = Operation(
    id="getHealth",
    tag="state",
    summary="Whether the gateway answers",
    answers={200: answer("It does.", json=_OK)},
)
_READINESS: Final = Operation(
    id="getReadiness",
    tag="state",
    summary="Whether the broker is there",
    answers={200: answer("It is.", json=_OK)},
    problems=(503,),
)
_METRICS: Final = Operation(
    id="getMetrics",
    tag="state",
    summary="What was counted, for Prometheus",
    answers={200: answer("Text format 0.0.4.", text=TEXT)},
)


def entries(gate: Gate) -> list[Entry]:
    """Return the endpoints."""

    async def roster(request: Request) -> Response:
        return live(await gate.bridge.run(_present, gate, principal_of(request.scope)))

    async def health(_request: Request) -> Response:
        return live({"status": "ok"})

    async def readiness(_request: Request) -> Response:
        if not gate.is_ready():
            raise Problem(503, "the broker is away", _RETRY)
        return live({"status": "ok"})

    async def metrics(_request: Request) -> Response:
        headers = {**SAFE, "Cache-Control": "no-store"}
        return Response(gate.metrics.text(), 200, {**headers, "Content-Type": MEDIA_TYPE})

    return [
        Entry("GET", "/roster", _ROSTER, roster),
        Entry("GET", "/healthz", _HEALTH, health),
        Entry("GET", "/readyz", _READINESS, readiness),
        Entry("GET", "/metrics", _METRICS, metrics),
    ]


def _present(gate: Gate, principal: Principal) -> dict[str, Any]:
    # The same as what the commands and the events tell: who may not have those gets nothing here.
    for command in ("getNodes", "getClients"):
        gate.check(principal, Action.COMMAND, (command,))
    announce = gate.catalog.lineage(f"{{{NAMESPACE}}}SenderAnnounce")
    gate.check(principal, Action.SUBSCRIBE, announce)
    senders = [asdict(sender) for sender in gate.bus.roster()]
    return {**gate.agent.roster.as_json(), "senders": senders}
