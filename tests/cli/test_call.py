"""``clacks-events call``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

import pytest

from clacks_events.agent import Agent
from tests.cli.conftest import Main
from tests.harness.broker import Broker
from tests.harness.program import run

NUMBERS = count()


@pytest.fixture
def url() -> str:
    return f"memory://cli-call-{next(NUMBERS)}"


@pytest.fixture(autouse=True)
def agent(url: str) -> Iterator[Agent]:
    with offering(url) as running:
        yield running


def offering(url: str) -> Agent:
    agent = Agent(url, name="node-7")

    @agent.command
    def add_user(uid: str, groups: list[str], shell: str | None = "sh") -> dict[str, object]:
        """Create an account.

        It is empty.
        """
        return {"uid": uid, "groups": groups, "shell": shell}

    @agent.command
    def fail() -> None:
        raise RuntimeError("inside")

    return agent


@pytest.mark.parametrize(
    "given",
    [
        ('"jürgen"', '["a", "b"]', "null"),
        ('uid="jürgen"', 'groups=["a", "b"]', "shell=null"),
        ("shell=null", 'groups=["a","b"]', 'uid="jürgen"'),
    ],
)
def test_the_result_is_printed_as_json(invoke: Main, url: str, given: tuple[str, ...]) -> None:
    code, out, err = invoke("call", "--url", url, "add_user", *given)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"uid": "jürgen", "groups": ["a", "b"], "shell": None}
    assert "jürgen" in out


def test_text_may_look_like_a_named_argument(invoke: Main, url: str) -> None:
    code, out, _ = invoke("call", "--url", url, "add_user", '"a=b"', "[]")
    assert (code, json.loads(out)["uid"]) == (0, "a=b")
    code, out, _ = invoke("call", "--url", url, "add_user", 'uid="a=b"', "groups=[]")
    assert (code, json.loads(out)["uid"]) == (0, "a=b")


def test_one_node_can_be_asked(invoke: Main, url: str) -> None:
    code, out, _ = invoke("call", "--url", url, "--node", "node-7", "ping")
    assert (code, json.loads(out)["name"]) == (0, "node-7")
    code, out, err = invoke("call", "--url", url, "--node", "node-8", "--timeout", 0.1, "ping")
    assert (code, out) == (1, "")
    assert "nobody answered getMethods within 0.1 s" in err
    assert "clacks.agent.node-8" in err


def test_the_methods_are_listed(invoke: Main, url: str) -> None:
    code, out, err = invoke("call", "--url", url, "--list")
    assert (code, err) == (0, "")
    assert "fail()" in out.splitlines()
    assert (
        'add_user(uid: string, groups: array, shell = "sh")  Create an account.' in out.splitlines()
    )


def test_the_help_lists_them_if_there_is_an_agent(invoke: Main, url: str) -> None:
    code, out, err = invoke("call", "--url", url, "--help")
    assert (code, err) == (0, "")
    assert out.startswith("usage: clacks-events call")
    assert "commands of clacks.agent:" in out
    assert "  fail()\n" in out
    code, alone, err = invoke("call", "--url", "amqp://127.0.0.1:1", "--help")
    assert (code, err) == (0, "")
    assert alone == out.partition("\ncommands of")[0]
    assert invoke("call", "-h")[1] == alone


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (("ad_user",), "clacks.agent has no command 'ad_user'; did you mean add_user?"),
        (("add_user", "1", "[]"), "add_user: uid: Expected `str`, got `int` (code -32602)"),
        (("add_user", 'uid="x"', "grops=[]"), "no such parameter; did you mean groups?"),
        (("fail",), "the command failed; the agent's log says why (code -32603)"),
    ],
)
def test_what_the_agent_refuses_is_an_error(
    invoke: Main, url: str, given: tuple[str, ...], reason: str
) -> None:
    code, out, err = invoke("call", "--url", url, *given)
    assert (code, out) == (1, "")
    assert reason in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((), "give a METHOD"),
        (("ping", "--list"), "--list takes no METHOD"),
        (("f", "x"), "argument 1 is not JSON: Expecting value: line 1 column 1 (char 0); as text"),
        (("f", "1", "[1"), "argument 2 is not JSON: Expecting"),
        (
            ("f", "a=b"),
            'a is not JSON: Expecting value: line 1 column 1 (char 0); as text it is "b"',
        ),
        (("f", "a=1", "a=2"), "a is given twice"),
        (("f", "1", "a=2"), "either all by place or all as NAME=JSON"),
        (("f", "NaN"), "argument 1 is not JSON: NaN is no number"),
        (("f", "--timeout", "0"), "a number above 0, not '0'"),
        (("f", "--node", ""), "a name of 1 to 255 bytes"),
    ],
)
def test_wrong_usage(invoke: Main, url: str, given: tuple[str, ...], reason: str) -> None:
    code, out, err = invoke("call", "--url", url, *given)
    assert (code, out) == (2, "")
    assert reason in err


def test_it_works_as_a_program(broker: Broker) -> None:
    url = broker.url_for(broker.fresh_vhost())
    with offering(url):
        done = run("call", "add_user", '"x"', "[]", env={"CLACKS_URL": url})
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["uid"] == "x"
        assert run("call", "ping", "--url", url.replace("secret", "wrong")).returncode == 1
    without = run("call", "ping")
    assert without.returncode == 2
    assert "$CLACKS_URL" in without.stderr
