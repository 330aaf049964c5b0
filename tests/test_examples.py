"""The programs in examples/: each is run as a user would run it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from clacks_events import Bus, RemoteError, connect
from tests.harness.program import ROOT, Program, run

EXAMPLES = ROOT / "examples"

Start = Callable[..., Program]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start examples that are gone after the test."""
    with ExitStack() as stack:

        def start_one(name: str, *arguments: str, env: dict[str, str] | None = None) -> Program:
            path = EXAMPLES / name
            program = Program(path, *arguments, command=(sys.executable,), env=env)
            return stack.enter_context(program)

        yield start_one


@pytest.fixture
def bus(zmq_url: str) -> Iterator[Bus]:
    """A bus at the embedded server."""
    with connect(zmq_url, source="test") as bus:
        yield bus


@pytest.fixture(params=["zmq", "amqp"])
def shared_url(request: pytest.FixtureRequest) -> str:
    """The URL of a broker that several processes can use."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


def run_example(name: str) -> str:
    """Run an example that ends by itself; return what it printed."""
    done = run(EXAMPLES / name, command=(sys.executable,))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def lines_of(program: Program) -> list[str]:
    """Return what a program printed after its greeting."""
    return program.out.splitlines()[1:]


def test_phone_status_travels_from_sender_to_receiver(start: Start, amqp_url: str) -> None:
    with Program("serve", "--url", amqp_url) as agent:
        receiver = start("phone_status/receiver.py", amqp_url)
        agent.wait_for("serving")
        receiver.wait_for("waiting")

        sender = start("phone_status/sender.py", amqp_url)

        assert sender.wait() == 0, sender.report()
        receiver.wait_for("status: busy")
        assert f'id="{sender.out.removeprefix("sent ").strip()}"' in receiver.out
        assert "<e:CallerId>012345</e:CallerId>" in receiver.out
        assert "secret" not in agent.output
        assert receiver.interrupt() == 0, receiver.report()
        assert receiver.out.endswith("bye\n")
        assert agent.interrupt() == 0, agent.report()


def test_foreign_schema_receives_the_serious_alert_only() -> None:
    printed = run_example("foreign_schema.py")

    assert "refused  /Event/alert/info/severity" in printed
    assert '"severity": "Severe"' in printed
    assert '"altitude": 800,' in printed
    assert '"severity": "Minor"' not in printed


def test_iterate_reads_all_events_twice() -> None:
    lines = [line.split() for line in run_example("iterate.py").splitlines()]

    assert lines == [
        ["for", "100"],
        ["for", "200"],
        ["for", "300"],
        ["async", "for", "100"],
        ["async", "for", "200"],
        ["async", "for", "300"],
    ]


def test_the_server_says_who_comes_and_goes(start: Start) -> None:
    server = start("generic_server.py", "--url", "zmq://127.0.0.1:0")
    server.wait_for("Ctrl-C ends\n")
    url = server.out.split()[2]
    assert server.out == f"server at {url} (started); Ctrl-C ends\n"

    with connect(url, source="here") as bus:
        sender = bus.sender("gps", ["PhoneStatus"], methods={"calibrate": lambda: None})
        type = bus.catalog.resolve("PhoneStatus")
        about = f"gps on here: types {type}; methods calibrate\n"
        server.wait_for(f"announced: {about}")
        second = start("generic_server.py", "--url", url)
        second.wait_for(f"here: {about}")
        assert second.out.startswith(f"server at {url} (somebody else's)")
        sender.close()
        server.wait_for(f"left (closed): {about}")
        assert second.interrupt() == 0, second.report()
        # The server is not the second one's to end.
        bus.sender("gps", ["PhoneStatus"]).close()

    assert server.interrupt() == 0, server.report()
    assert server.out.endswith("bye\n")
    assert server.err == ""


def test_a_sender_says_whether_anyone_listens(start: Start, shared_url: str) -> None:
    fields = {"CallerId": "100", "ReceiverId": "300", "Status": "busy"}
    given = [text for name in fields for text in ("--field", f"{name}={fields[name]}")]
    broker = ("--url", shared_url)
    what = ("--name", "desk", "--type", "PhoneStatus", "--interval", "0.02")
    sender = start("generic_sender.py", *broker, *what, *given)
    sender.wait_for("1: nobody listens")

    chosen = ("--sender", "desk", "--type", "PhoneStatus", "--query", "//e:Status = 'busy'")
    listener = start("generic_listener.py", *broker, *chosen, "--count", "2")
    sender.wait_for(": 1 listening")

    assert listener.wait() == 0, listener.report()
    events = [json.loads(line) for line in lines_of(listener)]
    assert [(event["source"], event["payload"]) for event in events] == [("desk", fields)] * 2
    with connect(shared_url) as bus:
        assert bus.request("desk", "echo", ["hello"]) == "hello"
    sender.wait_for("asked to echo 'hello'")
    assert sender.interrupt() == 0, sender.report()
    assert sender.out.endswith("bye\n")
    assert sender.err == listener.err == ""


def test_a_listener_may_come_before_the_sender(start: Start, zmq_url: str) -> None:
    listener = start("generic_listener.py", "--url", zmq_url, "--type", "PhoneStatus")
    listener.wait_for("listening")

    what = ("--name", "desk", "--type", "PhoneStatus", "--count", "1")
    sender = start("generic_sender.py", "--url", zmq_url, *what)

    assert sender.wait() == 0, sender.report()
    assert lines_of(sender) == ["1: 1 listening"]
    listener.wait_for("\n{")
    assert json.loads(lines_of(listener)[0])["payload"]["Status"]
    assert listener.interrupt() == 0, listener.report()


def test_a_query_selects_what_is_listened_to(start: Start, bus: Bus, zmq_url: str) -> None:
    query = ("--query", "//e:Status = 'busy'", "--count", "1")
    listener = start("generic_listener.py", "--url", zmq_url, *query)
    listener.wait_for("listening")
    with bus.sender("desk", ["PhoneStatus"]) as sender:
        for status in ("free", "busy"):
            call = {"CallerId": "1", "ReceiverId": "2", "Status": status}
            assert sender.signal("PhoneStatus").push(call) == 1

    assert listener.wait() == 0, listener.report()
    assert [json.loads(line)["payload"]["Status"] for line in lines_of(listener)] == ["busy"]


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("generic_sender.py", ["--name", "x", "--type", "Speed"], "no schema declares Speed"),
        (
            "generic_sender.py",
            ["--name", "x", "--type", "PhoneStatus", "--field", "Stat=1"],
            "unknown key 'Stat'; did you mean Status?",
        ),
        ("generic_sender.py", ["--name", "x", "--type", "y", "--field", "z"], "not NAME=VALUE"),
        ("generic_listener.py", ["--query", "1 +"], "1 +\n"),
        ("generic_listener.py", ["--type", "PhoneStat"], "PhoneStatus"),
        ("car_signals/kmh_client.py", [], "no sender 'car'"),
        ("car_signals/mph_client.py", ["--patience", "0.1"], "no sender 'car' within 0.1 s"),
    ],
)
def test_wrong_use_is_told_without_a_traceback(
    name: str, arguments: list[str], reason: str, start: Start, zmq_url: str
) -> None:
    program = start(name, "--url", zmq_url, *arguments)

    assert program.wait() in (1, 2)
    assert reason in program.err
    assert "Traceback" not in program.err


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("generic_server.py", []),
        ("generic_sender.py", ["--name", "x", "--type", "PhoneStatus"]),
        ("generic_listener.py", []),
        ("alert_listener.py", []),
        ("car_signals/agent.py", []),
        ("car_signals/kmh_client.py", []),
    ],
)
def test_an_address_that_is_of_no_use_is_told(
    name: str, arguments: list[str], start: Start
) -> None:
    program = start(name, "--url", "zmq://127.0.0.1", *arguments)

    assert program.wait() == 1
    assert "zmq://127.0.0.1" in program.err
    assert "Traceback" not in program.err


NASTY = "--icon=/etc/passwd $(touch x) `y`; <b>&amp; \x9b1m\u202e"
"""Options, a shell's substitutions, markup, and what steers a terminal."""


def desktop(directory: Path, code: int) -> dict[str, str]:
    """Return an environment whose notify-send notes its arguments and ends with a code."""
    program = directory / "notify-send"
    noted = directory / "noted"
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> {noted}\nexit {code}\n")
    program.chmod(0o755)
    return {"PATH": str(directory)}


def alert(target: str, title: str, body: str, timeout: int | None = None) -> str:
    """Return a Notification; the texts are escaped."""
    end = "" if timeout is None else f"<Timeout>{timeout}</Timeout>"
    texts = [text.replace("<", "&lt;") for text in (target, title, body)]
    return (
        '<Notification xmlns="http://www.gonicus.de/Events">'
        "<Target>{}</Target><Title>{}</Title><Body>{}</Body>".format(*texts)
        + f"{end}</Notification>"
    )


def test_an_alert_is_shown_on_the_desktop(
    start: Start, bus: Bus, zmq_url: str, tmp_path: Path
) -> None:
    user = ("--user", "o'&amp;", "--count", "2")
    listener = start("alert_listener.py", "--url", zmq_url, *user, env=desktop(tmp_path, 0))
    listener.wait_for("waiting for notifications to o'&amp;")

    bus.publish(alert("somebody else", "not", "this"))
    bus.publish(alert("o'&amp;amp;", NASTY, f"{NASTY}{'x' * 5000}", 700))
    bus.publish(alert("o'&amp;amp;", "", "y"))

    assert listener.wait() == 0, listener.report()
    first, second = (
        text.split("\0") for text in (tmp_path / "noted").read_text().split("--app-name=")[1:]
    )
    name, expiry, end, title, body, rest = first
    assert (name, expiry, end, rest) == ("clacks-events", "--expire-time=700", "--", "")
    assert title == "--icon=/etc/passwd $(touch x) `y`; <b>&  1m"
    assert body.startswith("--icon=/etc/passwd $(touch x) `y`; &lt;b&gt;&amp;  1m xx")
    assert len(body) < 1100
    assert second == ["clacks-events", "--", "Notification", "y", ""]
    assert [line.partition(" ")[0] for line in lines_of(listener)] == ["shown", "shown"]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("has_desktop", [True, False])
def test_an_alert_is_printed_where_no_desktop_shows_it(
    has_desktop: bool, start: Start, bus: Bus, zmq_url: str, tmp_path: Path
) -> None:
    env = desktop(tmp_path, 1) if has_desktop else {"PATH": str(tmp_path)}
    listener = start("alert_listener.py", "--url", zmq_url, "--user", "me", "--count", "1", env=env)
    listener.wait_for("waiting")

    bus.publish(alert("me", "Storm", NASTY))

    assert listener.wait() == 0, listener.report()
    assert lines_of(listener) == [
        "Storm: --icon=/etc/passwd $(touch x) `y`; <b>&  1m",
    ]
    assert ("notify-send: CalledProcessError" in listener.err) is has_desktop


def car_client(start: Start, unit: str, url: str, *arguments: str) -> Program:
    return start(f"car_signals/{unit}_client.py", "--url", url, "--period", "0.02", *arguments)


def test_speed_is_produced_as_it_is_asked_for_and_while_it_is(start: Start, zmq_url: str) -> None:
    early = car_client(start, "mph", zmq_url, "--count", "3")
    agent = start("car_signals/agent.py", "--url", zmq_url)
    agent.wait_for("car is at")
    first = car_client(start, "kmh", zmq_url)
    first.wait_for("km/h\n")
    second = car_client(start, "kmh", zmq_url, "--count", "3")

    assert (early.wait(), second.wait()) == (0, 0), early.report() + second.report()
    agent.wait_for("stopped car/speed-mph-20: nobody listens")
    mph, kmh = ([float(line.split()[0]) for line in lines_of(each)] for each in (early, second))
    assert (len(mph), len(kmh)) == (3, 3)
    assert all(20 < value < 70 for value in mph)
    assert all(35 < value < 110 for value in kmh)
    # Equal parameters share one event, which goes on for the one that still listens.
    assert agent.out.count("started car/speed-kmh-20") == 1
    assert "stopped car/speed-kmh-20" not in agent.out
    assert first.interrupt() == 0, first.report()
    agent.wait_for("stopped car/speed-kmh-20: nobody listens")

    third = car_client(start, "kmh", zmq_url, "--count", "1")
    assert third.wait() == 0, third.report()
    assert agent.out.count("started car/speed-kmh-20") == 2
    assert agent.interrupt() == 0, agent.report()
    assert agent.out.endswith("bye\n")
    assert agent.err == ""


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"signal": "fuel"}, "no signal 'fuel'"),
        ({"unit": "knots"}, "no unit 'knots'; there are km/h, mph, m/s"),
        ({"period": 0}, "not 0"),
        ({"period": "1"}, "period: Expected `float`, got `str`"),
        ({"period": 1e9}, "not 1000000000.0"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_the_car_refuses_what_it_does_not_have(
    parameters: dict[str, Any], reason: str, start: Start, bus: Bus, zmq_url: str
) -> None:
    agent = start("car_signals/agent.py", "--url", zmq_url)
    agent.wait_for("car is at")
    wanted = {"signal": "speed", "unit": "mph", "period": 1, **parameters}

    with pytest.raises(RemoteError, match=reason):
        bus.request("car", "subscribe", wanted)

    assert agent.interrupt() == 0, agent.report()
    assert re.match("(refused|failed): 'subscribe' of user None: ", agent.err)
    assert agent.err.count("\n") == 1


def test_no_example_is_forgotten() -> None:
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")}

    assert {name for name in found if not name.startswith("demo/")} == {
        "alert_listener.py",
        "car_signals/agent.py",
        "car_signals/kmh_client.py",
        "car_signals/mph_client.py",
        "foreign_schema.py",
        "generic_listener.py",
        "generic_sender.py",
        "generic_server.py",
        "iterate.py",
        "phone_status/receiver.py",
        "phone_status/sender.py",
        "web_events_logger.py",
        "web_logger/guard.py",
        "web_logger/log.py",
        "web_logger/markup.py",
        "web_logger/pages.py",
        "web_logger/registrations.py",
    }
