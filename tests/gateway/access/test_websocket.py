"""WebSockets: refused while they are still HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from clacks_events.agent.policy import Policy
from clacks_events.gateway.access import AccessOptions, Guard
from tests.gateway.access.door import ALICE, BOB, PASSWORD, POLICY, Door, basic, bearer, open_door
from tests.harness.waiting import wait_until


def dial(door: Door, path: str = "/api", **more: Any) -> ClientConnection:
    made: ClientConnection = connect(f"ws://127.0.0.1:{door.port}{path}", proxy=None, **more)
    return made


def told(door: Door, path: str = "/api", **more: Any) -> dict[str, Any]:
    with dial(door, path, **more) as connection:
        found: dict[str, Any] = json.loads(connection.recv(timeout=20))
        return found


def refusal(door: Door, path: str = "/api", **more: Any) -> Any:
    with pytest.raises(InvalidStatus) as caught, dial(door, path, **more):
        pass
    return caught.value.response


def test_this_host_comes_in_without_credentials() -> None:
    with open_door(Policy()) as door:
        assert told(door)["name"] is None


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://"])
def test_pages_of_other_sites_do_not(origin: str) -> None:
    with open_door(Policy(), origins=("https://app.example.org",)) as door:
        response = refusal(door, origin=origin)
        assert response.status_code == 403
        assert json.loads(response.body)["status"] == 403
        for own in (f"http://127.0.0.1:{door.port}", "https://app.example.org"):
            assert told(door, origin=own)["name"] is None


def test_a_name_that_was_made_to_point_here_does_not_help() -> None:
    with open_door(Policy()) as door:
        # As a browser connects once the name leads to this host.
        plain = socket.create_connection(("127.0.0.1", door.port), timeout=20)
        url = f"ws://evil.example:{door.port}/api"
        with pytest.raises(InvalidStatus) as caught:
            connect(url, sock=plain, proxy=None, origin=Origin(f"http://evil.example:{door.port}"))
        assert caught.value.response.status_code == 421


@pytest.mark.parametrize(
    "headers",
    [bearer(ALICE), basic("alice", PASSWORD), {"x-afb-token": ALICE}, {"X-SessionToken": ALICE}],
)
def test_credentials_in_headers(headers: dict[str, str]) -> None:
    with open_door() as door:
        assert told(door, additional_headers=headers)["name"] == "alice"


@pytest.mark.parametrize("name", ["x-afb-token", "token", "access_token"])
def test_tokens_in_the_url(name: str) -> None:
    with open_door() as door:
        found = told(door, f"/api?x-afb-uuid=u&{name}={ALICE}")
        assert (found["name"], found["query"]) == ("alice", "x-afb-uuid=u")
        assert refusal(door, f"/other?{name}={ALICE}").status_code == 401
        assert refusal(door, f"/events?{name}={ALICE}").status_code == 401


def test_wrong_or_none_is_unauthorized() -> None:
    with open_door() as door:
        for path, headers in (
            ("/api", {}),
            ("/api?token=HELLO", {}),
            ("/api", bearer(BOB + "x")),
            ("/api", {"Cookie": f"x-afb-uuid-80={ALICE}"}),
        ):
            response = refusal(door, path, additional_headers=headers)
            assert response.status_code == 401
            assert response.headers.get_all("www-authenticate")[0].startswith("Basic ")
        assert refusal(door, "/healthz").status_code == 401


def test_open_ones_count() -> None:
    with open_door(requests=2) as door:
        headers = bearer(ALICE)
        with dial(door, additional_headers=headers), dial(door, additional_headers=headers):
            response = refusal(door, additional_headers=headers)
            assert (response.status_code, response.headers["retry-after"]) == (429, "1")
            assert told(door, additional_headers=bearer(BOB))["name"] == "bob"
        wait_until(lambda: door.get(headers=headers).status_code == 200)


def test_a_server_without_the_extension_closes() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(*_: Any) -> None:
        raise AssertionError("was let in")

    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/api",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    guard = Guard(app, AccessOptions(), lambda: POLICY)
    asyncio.run(guard(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
