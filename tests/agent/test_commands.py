"""Functions as commands: what their annotations promise, a caller gets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypedDict

import pytest

from clacks_events import AMQPServiceProxy, ConfigError, NameTaken, RemoteError
from clacks_events.agent import Agent
from clacks_events.event import JsonValue

NUMBERS = count()


class Shell(Enum):
    SH = "sh"
    ZSH = "zsh"


@dataclass
class Account:
    uid: str
    groups: list[str] = field(default_factory=list)
    shell: Shell = Shell.SH


class Address(TypedDict):
    street: str
    number: int


@pytest.fixture
def url() -> str:
    """The URL of a bus in memory: what annotations mean depends on no transport."""
    return f"memory://commands-{next(NUMBERS)}"


@pytest.fixture
def agent(url: str) -> Iterator[Agent]:
    with Agent(url, name="one") as running:
        yield running


@pytest.fixture
def proxy(url: str, agent: Agent) -> Iterator[AMQPServiceProxy]:
    assert agent.name
    with AMQPServiceProxy(url) as connected:
        yield connected


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return path and reason of the error that a call with wrong parameters gets."""
    with pytest.raises(RemoteError) as caught:
        call()
    assert caught.value.code == -32602
    data = caught.value.data
    assert isinstance(data, dict)
    return data["path"], data["reason"]


def test_arguments_by_place_by_name_and_by_default(agent: Agent, proxy: AMQPServiceProxy) -> None:
    @agent.command
    def make(uid: str, /, groups: list[str], *, shell: str = "sh", home: str | None = None) -> Any:
        return [uid, groups, shell, home]

    assert proxy.make("x", ["a"]) == ["x", ["a"], "sh", None]
    assert proxy.make(uid="x", groups=[], home="/x") == ["x", [], "sh", "/x"]
    assert proxy.make(uid="x", groups=[], home=None, shell="zsh") == ["x", [], "zsh", None]
    assert refusal(lambda: proxy.make("x")) == ("groups", "missing")
    assert refusal(lambda: proxy.make("x", [], "zsh"))[0] == ""
    path, reason = refusal(lambda: proxy.make(uid="x", grops=[]))
    assert (path, reason) == ("grops", "no such parameter; did you mean groups?")
    assert refusal(lambda: proxy.make(uid="x", groups=[], home=1))[0] == "home"
    assert make("x", ["a"]) == ["x", ["a"], "sh", None]


@pytest.mark.parametrize(
    ("kind", "given", "got"),
    [
        (int, 1, 1),
        (float, 1, 1.0),
        (str, "x", "x"),
        (datetime, "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (Decimal, "1.50", Decimal("1.50")),
        (bytes, "YWI=", b"ab"),
        (Shell, "zsh", Shell.ZSH),
        (tuple[int, str], [1, "x"], (1, "x")),
        (set[int], [1, 1], {1}),
        (Account, {"uid": "x"}, Account("x")),
        (Address, {"street": "x", "number": 1}, {"street": "x", "number": 1}),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (JsonValue, {"a": [None, 1.5]}, {"a": [None, 1.5]}),
        (list[JsonValue], [{"a": []}], [{"a": []}]),
        (Any, [1, "x"], [1, "x"]),
        (object, None, None),
    ],
)
def test_arguments_become_what_the_annotation_says(
    agent: Agent, proxy: AMQPServiceProxy, kind: Any, given: JsonValue, got: object
) -> None:
    seen: list[object] = []

    def take(value: object) -> None:
        seen.append(value)

    take.__annotations__["value"] = kind
    agent.command(take)
    proxy.take(given)
    assert seen == [got]
    assert type(seen[0]) is type(got)


@pytest.mark.parametrize(
    ("kind", "given", "path", "reason"),
    [
        (int, "1", "value", "Expected `int`, got `str`"),
        (int, True, "value", "Expected `int`, got `bool`"),
        (int, None, "value", "Expected `int`, got `null`"),
        (str, 1, "value", "Expected `str`, got `int`"),
        (list[str], ["a", 1], "value[1]", "Expected `str`, got `int`"),
        (dict[str, list[int]], {"a": [1, "x"]}, "value[...][1]", "Expected `int`, got `str`"),
        (Account, {"uid": "x", "groups": [1]}, "value.groups[0]", "Expected `str`, got `int`"),
        (Account, {"groups": []}, "value", "Object missing required field `uid`"),
        (list[Address], [{"street": "x", "number": "1"}], "value[0].number", "Expected `int`"),
        (Literal["a", "b"], "c", "value", "Invalid enum value 'c'"),
        (datetime, "yesterday", "value", "Invalid RFC3339 encoded datetime"),
        (tuple[int, str], [1], "value", "Expected `array` of length 2, got 1"),
    ],
)
def test_a_wrong_value_is_told_by_its_path(
    agent: Agent, proxy: AMQPServiceProxy, kind: Any, given: JsonValue, path: str, reason: str
) -> None:
    def take(value: object) -> None:
        raise AssertionError(value)

    take.__annotations__["value"] = kind
    agent.command(take)
    found_path, found_reason = refusal(lambda: proxy.take(given))
    assert found_path == path
    assert found_reason.startswith(reason)


def test_a_reason_does_not_repeat_megabytes(agent: Agent, proxy: AMQPServiceProxy) -> None:
    @agent.command
    def choose(value: Literal["a"]) -> None:
        del value

    assert len(refusal(lambda: proxy.choose("b" * 1_000_000))[1]) == 300
    assert len(refusal(lambda: proxy.choose(**{"c" * 1_000_000: 1}))[0]) == 300


def test_results_may_be_more_than_plain_data(agent: Agent, proxy: AMQPServiceProxy) -> None:
    @agent.command
    def account() -> Account:
        return Account("x", ["a"], Shell.ZSH)

    @agent.command
    def moment() -> dict[str, object]:
        return {"at": datetime(2026, 1, 31, tzinfo=UTC), "who": {1}, "raw": b"ab"}

    assert proxy.account() == {"uid": "x", "groups": ["a"], "shell": "zsh"}
    assert proxy.moment() == {"at": "2026-01-31T00:00:00Z", "who": [1], "raw": "YWI="}


def test_commands_are_described(agent: Agent, proxy: AMQPServiceProxy) -> None:
    @agent.command(name="users.add", idempotent=True)
    def add(uid: str, account: Account, user: str, tags: list[str] = []) -> bool:  # noqa: B006
        """Create an account.

        It is empty.
        """
        raise NotImplementedError

    @agent.command
    def bare(x, y=1):  # type: ignore[no-untyped-def]
        return [x, y]

    methods = proxy.getMethods()
    said = methods["users.add"]
    assert said["documentation"] == "Create an account.\n\nIt is empty."
    assert said["idempotent"] is True
    assert said["returns"] == {"type": "boolean"}
    uid, account, tags = said["parameters"]
    assert uid == {"name": "uid", "schema": {"type": "string"}, "required": True}
    assert account["schema"]["$defs"]["Account"]["required"] == ["uid"]
    assert (tags["required"], tags["schema"]["type"]) == (False, "array")
    assert methods["bare"] == {
        "parameters": [
            {"name": "x", "schema": {}, "required": True},
            {"name": "y", "schema": {}, "required": False, "default": 1},
        ],
        "documentation": "",
        "idempotent": False,
    }
    assert proxy["bare"]({"a": 1}) == [{"a": 1}, 1]


def unresolved(x: Nowhere) -> None:  # type: ignore[name-defined] # noqa: F821
    del x


def stars(*values: int) -> None:
    del values


def double_stars(**values: int) -> None:
    del values


def path(of: Path) -> None:
    del of


def either(of: list[int] | tuple[int, ...]) -> None:
    del of


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (stars, r"command 'stars' takes \*values: each parameter needs a name and a place"),
        (double_stars, r"'double_stars' takes \*\*values"),
        (path, "command 'path', parameter 'of': no JSON is of this type"),
        (either, "'either', parameter 'of': .*more than one array-like"),
        (unresolved, "'unresolved', parameter 'x': the annotation 'Nowhere' says nothing here"),
        (partial(path), "the name of a command is text that is not empty"),
        (5, "the name of a command is text"),
    ],
)
def test_what_cannot_be_called_is_refused_at_once(agent: Agent, command: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        agent.command(command)


def test_a_name_is_given_once(agent: Agent) -> None:
    with pytest.raises(NameTaken, match="there is a command 'ping' already"):
        agent.commands.add(lambda: None, name="ping")
    with pytest.raises(ConfigError, match="is a function, not int"):
        agent.commands.add(5, name="five")  # type: ignore[arg-type]


def test_async_commands_share_one_loop(agent: Agent, proxy: AMQPServiceProxy) -> None:
    seen: list[tuple[str, asyncio.AbstractEventLoop]] = []
    both = threading.Barrier(2)

    @agent.command
    async def meet(name: str) -> str:
        seen.append((threading.current_thread().name, asyncio.get_running_loop()))
        await asyncio.to_thread(both.wait, 10.0)
        return name

    @agent.command
    async def fail() -> None:
        raise RuntimeError("inside")

    first, second = proxy.meet.future("a"), proxy.meet.future("b")
    assert (first.result(10.0), second.result(10.0)) == ("a", "b")
    assert len(set(seen)) == 1
    with pytest.raises(RemoteError, match="the command failed"):
        proxy.fail()


def test_the_user_is_who_calls(url: str, agent: Agent) -> None:
    @agent.command
    def first(user: str | None, x: int) -> object:
        return [user, x]

    @agent.command
    def by_name(x: int = 0, *, user: int) -> object:
        return [user, x]

    with AMQPServiceProxy(url.replace("://", "://alice@")) as proxy:
        assert proxy.first(1) == ["alice", 1]
        assert proxy.by_name() == ["alice", 0]
        assert refusal(lambda: proxy.first(user="bob", x=1)) == (
            "user",
            "'user' is who calls, not a parameter",
        )
        assert refusal(lambda: proxy.first(1, 2))[1].startswith("too many positional")
