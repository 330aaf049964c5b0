"""``clacks-events serve`` without a broker: it starts one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from clacks_events import AMQPServiceProxy, InvalidEvent, connect
from clacks_events.embedded import DEFAULT_ADDRESS, key_files, make_keys
from tests.cli.conftest import Main
from tests.cli.program import event
from tests.harness.program import Program, run
from tests.harness.waiting import free_port, listening

# Not what agents say of themselves, which may come at any time.
WATCH = ("watch", "--type", "PhoneStatus", "--count", "1", "--raw")


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


def serve(*arguments: str | Path, env: dict[str, str] | None = None) -> Program:
    program = Program("serve", *arguments, env=env)
    program.wait_for("serving")
    return program


def test_events_are_sent_through_the_agent_of_a_server_that_it_starts(address: str) -> None:
    url = f"zmq://{address}"
    with (
        serve("--listen", address, "--source", "site") as program,
        connect(url) as bus,
        bus.subscribe(types=["PhoneStatus"]) as subscription,
        AMQPServiceProxy(url) as proxy,
    ):
        id = proxy.sendEvent(event().decode())
        got = subscription.get(10)
        assert (got.id, got.source) == (id, "site")
        assert {"sendEvent", "getMethods"} <= set(proxy.getMethods())
        with pytest.raises(InvalidEvent):
            proxy.sendEvent(event().decode().replace("CallerId", "Caller"))
        assert f"serving clacks.agent at {url}" in program.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_with_it(address: str, number: signal.Signals) -> None:
    port = int(address.rpartition(":")[2])
    with serve("--listen", address) as program:
        assert listening(port)
        assert program.end(number) == 0
        assert not listening(port)
        assert "Traceback" not in program.err


def test_other_verbs_use_it_as_a_broker(address: str) -> None:
    url = f"zmq://{address}"
    with (
        serve("--listen", address),
        Program(*WATCH, env={"CLACKS_URL": url}) as watch,
    ):
        watch.wait_for("watching")
        assert run("publish", "--url", url, input=event("ringing")).returncode == 0
        assert watch.wait() == 0
        assert "<Status>ringing</Status>" in watch.out


def test_a_server_that_is_there_is_used(address: str) -> None:
    url = f"zmq://{address}"
    with serve("--listen", address), serve("--listen", address, "--agent", "second") as second:
        assert "a server answers there already" in second.err
        with AMQPServiceProxy(url, agent="second") as proxy:
            assert proxy.getMethods()
        assert second.end(signal.SIGTERM) == 0
        with AMQPServiceProxy(url) as proxy:
            assert proxy.getMethods()


def test_without_any_address_it_is_the_usual_one() -> None:
    if listening(int(DEFAULT_ADDRESS.rpartition(":")[2])):
        pytest.skip("somebody has the usual port")
    with serve() as program:
        assert f"serving clacks.agent at {DEFAULT_ADDRESS}" in program.err
        with AMQPServiceProxy(DEFAULT_ADDRESS) as proxy:
            assert proxy.getMethods()


def test_a_broker_that_is_named_is_expected_to_be_there(address: str) -> None:
    url = f"zmq://{address}"
    for done in (run("serve", "--url", url), run("serve", env={"CLACKS_URL": url})):
        assert done.returncode == 1
        assert f"{url}: nobody listens there; 'clacks-events serve' starts a server" in done.stderr
    with serve("--listen", address, env={"CLACKS_URL": "amqp://nobody@127.0.0.1:1"}) as program:
        assert f"serving clacks.agent at {url}" in program.err


def test_with_keys_it_knows_who_calls(address: str, tmp_path: Path) -> None:
    make_keys(tmp_path)
    make_keys(tmp_path, "anna")
    client, server = key_files(tmp_path, "anna")[1], key_files(tmp_path)[0]
    url = f"zmq://{address}?client_key={client}&server_key={server}"
    with (
        serve("--listen", address, "--keys", tmp_path) as program,
        AMQPServiceProxy(url) as proxy,
    ):
        id = proxy.sendEvent(event().decode())
        program.wait_for(f"published PhoneStatus {id} for user anna")
        done = run("publish", "--url", f"zmq://{address}", input=event())
        assert done.returncode == 1
        assert "the handshake failed: the server wants a client_key" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--listen", "somewhere"], "an address is HOST:PORT, not 'somewhere'"),
        (["--listen", ":5570"], "an address is HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "an address is HOST:PORT"),
        (["--listen", "127.0.0.1:1?hwm=1"], "an address is HOST:PORT"),
        (["--url", "zmq://127.0.0.1:1", "--listen", "127.0.0.1:1"], "--listen and --keys start"),
        (["--url", "amqp://localhost", "--keys", "keys"], "--listen and --keys start"),
    ],
)
def test_wrong_usage(invoke: Main, arguments: list[str], reason: str) -> None:
    code, out, err = invoke("serve", *arguments)
    assert (code, out) == (2, "")
    assert reason in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--listen", "0.0.0.0:5570"], "without keys the server is for this machine only"),
        (["--keys", "nowhere"], "'clacks-events keys nowhere' makes keys"),
    ],
)
def test_a_server_that_cannot_be(invoke: Main, arguments: list[str], reason: str) -> None:
    code, out, err = invoke("serve", *arguments)
    assert (code, out) == (1, "")
    assert reason in err


@pytest.mark.parametrize("verb", ["publish", "watch"])
def test_without_a_broker_others_say_how_to_start_one(invoke: Main, verb: str) -> None:
    code, _, err = invoke(verb)
    assert code == 2
    assert f"'clacks-events serve' starts one at {DEFAULT_ADDRESS}" in err
