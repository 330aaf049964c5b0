"""JSON-RPC 2.0 to the letter, as an agent speaks it on every transport."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

from clacks_events import BusOptions, connect
from clacks_events.agent import Agent
from clacks_events.rpc import DEFAULT_QUEUE, MOST_CALLS
from clacks_events.transport import open_transport
from clacks_events.transport.base import Message
from tests.harness.waiting import wait_until

Ask: TypeAlias = Callable[[object], Any]
LARGEST = 6_000_000


@pytest.fixture
def agent(url: str) -> Iterator[Agent]:
    options = BusOptions(watch_schemas=False, max_size=LARGEST)
    with connect(url, source="agent", options=options) as bus:
        running = Agent(bus, name="one")

        @running.command
        def subtract(minuend: int, subtrahend: int) -> int:
            return minuend - subtrahend

        @running.command
        def size(text: str) -> int:
            return len(text)

        @running.command
        def depth(of: Any) -> int:
            return 1 + max(map(depth, of), default=0) if isinstance(of, list) else 0

        @running.command
        def opaque() -> object:
            return object()

        @running.command
        def long(characters: int) -> str:
            return "x" * characters

        with running:
            yield running


@pytest.fixture
def ask(url: str, agent: Agent) -> Iterator[Ask]:
    """Send bytes, or a value as JSON, and return what comes back."""
    assert agent.name
    transport = open_transport(url)

    def send(what: object) -> Any:
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        return json.loads(transport.request(DEFAULT_QUEUE, Message(body), 20.0).result(20.0))

    yield send
    transport.close()


def call(method: str, params: object = None, **members: object) -> dict[str, object]:
    given = {} if params is None else {"params": params}
    return {"jsonrpc": "2.0", "method": method, **given, **members}


def test_the_examples_of_the_specification(ask: Ask) -> None:
    assert ask(call("subtract", [42, 23], id=1)) == {"jsonrpc": "2.0", "result": 19, "id": 1}
    named = call("subtract", {"subtrahend": 23, "minuend": 42}, id=3)
    assert ask(named) == {"jsonrpc": "2.0", "result": 19, "id": 3}
    assert error_of(ask(call("foobar", id="1"))) == (-32601, "1")
    assert error_of(ask(b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]')) == (
        -32700,
        None,
    )
    assert error_of(ask({"jsonrpc": "2.0", "method": 1, "params": "bar"})) == (-32600, None)
    assert error_of(ask([])) == (-32600, None)
    assert [error_of(item) for item in ask([1, 2, 3])] == [(-32600, None)] * 3


def error_of(response: Any) -> tuple[int, object]:
    assert response["jsonrpc"] == "2.0"
    assert "result" not in response
    assert isinstance(response["error"]["message"], str)
    return response["error"]["code"], response["id"]


@pytest.mark.parametrize("id", [0, -1, 1.5, 2**70, "", "ü", None, "null"])
def test_an_id_comes_back_as_it_was(ask: Ask, id: object) -> None:
    answer = ask(call("subtract", [1, 1], id=id))
    assert answer["id"] == id
    assert type(answer["id"]) is type(id)
    assert error_of(ask(call("nothing", id=id))) == (-32601, id)


@dataclass(frozen=True)
class Bad:
    """What is sent, and the error and the id that it gets."""

    body: object
    code: int
    id: object = None


BAD = {
    "nothing": Bad(b"", -32700),
    "half": Bad(b'{"jsonrpc": "2.0", "method": "ping", "id": 1', -32700),
    "not UTF-8": Bad(b'{"jsonrpc": "2.0", "method": "p\xff", "id": 1}', -32700),
    "no number": Bad(b'{"jsonrpc": "2.0", "method": "size", "params": [NaN], "id": 1}', -32700),
    "a scalar": Bad(5, -32600),
    "text": Bad("ping", -32600),
    "null": Bad(None, -32600),
    "no method": Bad({"jsonrpc": "2.0", "id": 7}, -32600, 7),
    "another version": Bad({"jsonrpc": "1.0", "method": "ping", "id": 7}, -32600, 7),
    "a version that is a number": Bad({"jsonrpc": 2.0, "method": "ping", "id": 7}, -32600, 7),
    "an id that is a list": Bad(call("ping", id=[1]), -32600),
    "an id that is an object": Bad(call("ping", id={}), -32600),
    "an id that is true": Bad(call("ping", id=True), -32600),
    "params that are text": Bad(call("size", "x", id=7), -32602, 7),
    "params that are null": Bad(b'{"method": "ping", "params": null, "id": 7}', -32602, 7),
    "a member twice": Bad(b'{"method": "ping", "method": "size", "id": 7}', -32600),
    "positional and named": Bad(
        b'{"method": "size", "params": ["x"], "params": {"text": "x"}, "id": 7}', -32600
    ),
    "a parameter twice": Bad(
        b'{"method": "size", "params": {"text": "x", "text": "y"}, "id": 7}', -32600
    ),
    "an unknown method": Bad(call("nothing", id=7), -32601, 7),
    "an empty method": Bad(call("", id=7), -32601, 7),
    "a method of 1 MB": Bad(call("m" * 1_000_000, id=7), -32601, 7),
    "half a surrogate pair": Bad(call("\ud800", id=7), -32601, 7),
    "half a surrogate pair as id": Bad(call("nothing", id="\ud800"), -32601),
    "too few": Bad(call("subtract", [1], id=7), -32602, 7),
    "too many": Bad(call("subtract", [1, 2, 3], id=7), -32602, 7),
    "of the wrong type": Bad(call("subtract", [1, "2"], id=7), -32602, 7),
    "a fraction for an integer": Bad(call("subtract", [1, 2.5], id=7), -32602, 7),
    "an unknown parameter": Bad(call("size", {"txt": "x"}, id=7), -32602, 7),
    "a result that is no JSON": Bad(call("opaque", id=7), -32603, 7),
    "a result that is too large": Bad(call("long", [LARGEST], id=7), -32603, 7),
    "too large": Bad(call("size", ["x" * LARGEST], id=7), -32600),
    "5 MB of the wrong type": Bad(call("subtract", ["x" * 5_000_000, 1], id=7), -32602, 7),
    "5 MB of numbers": Bad(call("size", [[1] * 1_600_000], id=7), -32602, 7),
    "too deep by one": Bad(b'{"params": [' + b"[" * 255 + b"]" * 255 + b"]}", -32700),
    "far too deep": Bad(b"[" * 100_000 + b"]" * 100_000, -32700),
    "deep objects": Bad(b'{"a":' * 300 + b"1" + b"}" * 300, -32700),
    "too many calls": Bad([call("ping", id=1)] * (MOST_CALLS + 1), -32600),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_what_is_wrong_gets_the_right_error_and_the_agent_lives(
    ask: Ask, agent: Agent, bad: Bad, caplog: pytest.LogCaptureFixture
) -> None:
    assert error_of(ask(bad.body)) == (bad.code, bad.id)
    counted = agent.counters
    assert (counted.refused, counted.failed) == ((0, 1) if bad.code == -32603 else (1, 0))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert len(caplog.text) < 10_000
    assert ask(call("subtract", [3, 1], id=1))["result"] == 2


def test_what_is_just_allowed(ask: Ask) -> None:
    assert ask(call("size", ["x" * 5_000_000], id=1))["result"] == 5_000_000
    assert ask(call("size", ["[{" * 1000], id=1))["result"] == 2000
    nested: list[Any] = []
    for _ in range(253):
        nested = [nested]
    assert ask(call("depth", [nested], id=1))["result"] == 254


def test_wrong_parameters_are_told_with_name_path_and_reason(ask: Ask) -> None:
    error = ask(call("subtract", {"minuend": 1, "subtrahend": "2"}, id=1))["error"]
    assert error["data"] == {
        "parameter": "subtrahend",
        "path": "subtrahend",
        "reason": "Expected `int`, got `str`",
    }
    assert error["message"] == "subtract: subtrahend: Expected `int`, got `str`"


def test_a_notification_is_carried_out_and_not_answered(url: str, agent: Agent) -> None:
    told: list[str] = []
    agent.commands.add(told.append, name="tell")
    transport = open_transport(url)
    silent = [
        call("tell", ["one"]),
        call("nothing"),
        call("subtract", [1]),
        [call("tell", ["two"]), call("nothing")],
    ]
    try:
        pending = [
            transport.request(DEFAULT_QUEUE, Message(json.dumps(what).encode()), 5.0)
            for what in silent
        ]
        wait_until(lambda: len(told) == 2 and agent.counters.refused == 3)
        last = transport.request(DEFAULT_QUEUE, Message(b'{"method": "ping", "id": 1}'), 20.0)
        assert b"result" in last.result(20.0)
        assert not any(answer.done() for answer in pending)
    finally:
        transport.close()


def test_a_batch_has_an_answer_for_each_that_wants_one(ask: Ask) -> None:
    answers = ask(
        [
            call("subtract", [42, 23], id="a"),
            call("subtract", [1, 1]),
            {"foo": "boo"},
            call("foobar", id="5"),
            call("opaque", id=6),
            call("subtract", [1], id=None),
        ]
    )
    codes = [(item["id"], item.get("error", {}).get("code")) for item in answers]
    assert codes == [("a", None), (None, -32600), ("5", -32601), (6, -32603), (None, -32602)]
    assert len(ask([call("subtract", [2, 1], id=n) for n in range(MOST_CALLS)])) == MOST_CALLS


def test_bad_input_is_logged_once_a_minute_and_counted_each_time(
    ask: Ask, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        ask(b"{")
    assert agent.counters.refused == 5
    assert caplog.text.count("refused") == 1


def test_many_at_once_are_all_answered_with_their_own(ask: Ask) -> None:
    wrong: list[object] = []

    def run(first: int) -> None:
        for number in range(first, first + 20):
            answer = ask(call("subtract", [number, 1], id=number))
            if answer != {"jsonrpc": "2.0", "result": number - 1, "id": number}:
                wrong.append(answer)

    threads = [threading.Thread(target=run, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
