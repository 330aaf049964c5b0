"""Requests to senders, on every transport."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from clacks_events import (
    AccessDenied,
    Bus,
    ConfigError,
    InvalidEvent,
    RemoteError,
    RpcError,
    RpcTimeout,
    UnknownCommand,
    UnknownSender,
)
from clacks_events.event import JsonValue
from clacks_events.rpc import RpcFault
from clacks_events.signals.sender import Sender
from tests.signals.navigation import OpenBus


def add(a: int, b: int = 1) -> int:
    return a + b


def fail() -> None:
    raise RuntimeError("the antenna is wet")


def forbid() -> None:
    raise AccessDenied("not for you")


def refuse() -> None:
    raise RpcFault(-31999, "no satellites", {"seen": 2})


def spoil() -> None:
    raise InvalidEvent("not a speed", path="/Event/Speed", value="fast")


def who(user: str | None) -> JsonValue:
    return [user]


def opaque() -> JsonValue:
    return object()  # type: ignore[return-value]


METHODS: dict[str, Callable[..., JsonValue]] = {
    "add": add,
    "fail": fail,
    "forbid": forbid,
    "refuse": refuse,
    "spoil": spoil,
    "who": who,
    "opaque": opaque,
}


@pytest.fixture
def gps(bus: Bus) -> Iterator[Sender]:
    with bus.sender("gps", methods=METHODS) as sender:
        yield sender


@pytest.fixture
def asking(open_bus: OpenBus, gps: Sender) -> Bus:
    assert not gps.is_closed
    return open_bus("asking")


def test_a_method_answers(bus: Bus, asking: Bus) -> None:
    assert asking.request("gps", "add", [1, 2]) == 3
    assert asking.request("gps", "add", {"a": 1, "b": 4}) == 5
    assert asking.request("gps", "add", (1,)) == 2
    assert bus.request("gps", "add", [1]) == 2


def test_a_method_may_know_who_asks(asking: Bus) -> None:
    assert asking.request("gps", "who") == [asking.transport.user]
    with pytest.raises(RemoteError, match="'user' is who calls"):
        asking.request("gps", "who", {"user": "root"})


def test_nobody_of_that_name_is_told_at_once(asking: Bus, gps: Sender) -> None:
    with pytest.raises(UnknownSender, match="no sender 'gsp'"):
        asking.request("gsp", "add", [1], timeout=3600.0)
    gps.close()
    with pytest.raises(LookupError, match="no sender 'gps'"):
        asking.request("gps", "add", [1], timeout=3600.0)


def test_who_takes_no_requests_says_so(bus: Bus, asking: Bus) -> None:
    with (
        bus.sender("tacho", types=["Speed"]),
        pytest.raises(UnknownSender, match="sender 'tacho': requests not supported"),
    ):
        asking.request("tacho", "add", [1])


def test_an_unknown_method_is_told_with_near_ones(asking: Bus) -> None:
    with pytest.raises(UnknownCommand, match="no method 'ad'; did you mean add"):
        asking.request("gps", "ad", [1])


def test_a_default_takes_what_no_method_does(bus: Bus, asking: Bus) -> None:
    def default(method: str, params: object) -> JsonValue:
        return [method, repr(params)]

    with bus.sender("any", methods={"add": add}, default=default):
        assert asking.request("any", "add", [1]) == 2
        assert asking.request("any", "sub", [3, None]) == ["sub", "[3, None]"]
        assert asking.request("any", "sub", {"a": 1}) == ["sub", "{'a': 1}"]
        assert asking.request("any", "") == ["", "[]"]


def test_a_default_may_know_who_asks(bus: Bus, asking: Bus) -> None:
    def default(method: str, params: object, user: str | None = None) -> JsonValue:
        del params
        return [method, user]

    with bus.sender("mine", default=default):
        assert asking.request("mine", "x") == ["x", asking.transport.user]


def test_a_method_that_fails_keeps_its_details(
    asking: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RemoteError, match="failed") as caught:
        asking.request("gps", "fail")
    assert caught.value.code == -32603
    assert "antenna" not in str(caught.value)
    assert "the antenna is wet" in caplog.text
    with pytest.raises(RemoteError, match="no JSON form"):
        asking.request("gps", "opaque")
    assert asking.request("gps", "add", [1]) == 2


def test_a_method_may_say_what_is_wrong(asking: Bus) -> None:
    with pytest.raises(AccessDenied, match="not for you"):
        asking.request("gps", "forbid")
    with pytest.raises(RemoteError, match="no satellites") as caught:
        asking.request("gps", "refuse")
    assert (caught.value.code, caught.value.data) == (-31999, {"seen": 2})
    with pytest.raises(InvalidEvent, match="not a speed") as spoilt:
        asking.request("gps", "spoil")
    assert spoilt.value.value == "fast"


def test_parameters_that_do_not_fit(asking: Bus) -> None:
    for params in ([], [1, 2, 3], {"c": 1}, "ab"):
        with pytest.raises(RemoteError) as caught:
            asking.request("gps", "add", params)
        assert caught.value.code == -32602
    with pytest.raises(RpcError, match="without a JSON form"):
        asking.request("gps", "add", [object()])  # type: ignore[list-item]


def test_a_method_that_takes_too_long(bus: Bus, asking: Bus) -> None:
    may_end = threading.Event()
    with bus.sender("slow", methods={"wait": lambda: may_end.wait(30.0)}):
        with pytest.raises(RpcTimeout, match=r"'slow' did not answer wait within 0\.2 s"):
            asking.request("slow", "wait", timeout=0.2)
        may_end.set()
        assert asking.request("slow", "wait") is True


def test_methods_run_side_by_side(bus: Bus, asking: Bus) -> None:
    together = threading.Barrier(3)
    answers: list[JsonValue] = []
    with bus.sender("many", methods={"meet": lambda: together.wait(10.0) >= 0}):
        threads = [
            threading.Thread(target=lambda: answers.append(asking.request("many", "meet")))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [True] * 3


def test_a_method_may_ask_its_own_sender(bus: Bus, asking: Bus) -> None:
    def ask(depth: int) -> JsonValue:
        return 0 if depth == 0 else bus.request("deep", "ask", [depth - 1])

    with bus.sender("deep", methods={"ask": ask}):
        assert asking.request("deep", "ask", [2]) == 0


def test_a_method_may_close_its_sender(bus: Bus, asking: Bus) -> None:
    done = threading.Event()

    def leave() -> None:
        sender.close()
        done.set()

    sender = bus.sender("brief", methods={"leave": leave})
    thread = threading.Thread(target=ask_in_vain, args=(asking, "brief", "leave"))
    thread.start()
    assert done.wait(10.0)
    thread.join()
    bus.sender("brief", methods={"leave": leave}).close()


def ask_in_vain(bus: Bus, sender: str, method: str) -> None:
    """Ask somebody who may be gone before the answer is."""
    try:
        bus.request(sender, method, timeout=1.0)
    except RpcTimeout:
        return


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_a_timeout_that_cannot_be(asking: Bus, timeout: float) -> None:
    with pytest.raises(ConfigError, match="a timeout is above 0"):
        asking.request("gps", "add", [1], timeout=timeout)


@pytest.mark.parametrize("name", ["", "x" * 242, "\ud800"])
def test_a_name_that_nobody_can_have(asking: Bus, name: str) -> None:
    with pytest.raises(ConfigError, match="the name of a sender"):
        asking.request(name, "add", [1])
