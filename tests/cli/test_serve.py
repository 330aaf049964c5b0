"""``clacks-events serve``: real processes at a real broker."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clacks_events import AMQPServiceProxy, InvalidEvent, UnknownEventType, connect
from tests.cli.program import event
from tests.harness.broker import Broker
from tests.harness.program import Program
from tests.harness.waiting import wait_until

XSD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    '<xs:element name="own" type="xs:int"/></xs:schema>'
)

# A command that takes as long as the test wants it to.
SLOW = """
import sys
from clacks_events.agent.builtin import BuiltIn
def send_event(self, data, user):
    print("at work", file=sys.stderr, flush=True)
    sys.stdin.readline()
    return "done"
BuiltIn.send_event = send_event
from clacks_events.cli import main
sys.exit(main(sys.argv[1:]))
"""


def serve(url: str, *arguments: str | Path) -> Program:
    program = Program("serve", "--url", url, *arguments)
    program.wait_for("serving")
    return program


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(amqp_url: str, number: signal.Signals) -> None:
    with serve(amqp_url) as program:
        assert program.end(number) == 0
        assert program.out == ""
        lines = program.err.splitlines()
        assert f"serving clacks.agent at {amqp_url.replace(':secret', '')}" in lines
        assert lines[-1].startswith("leaving")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_call_that_runs_is_finished(amqp_url: str, number: signal.Signals) -> None:
    command = (sys.executable, "-c", SLOW)
    with (
        Program("serve", "--url", amqp_url, command=command) as program,
        AMQPServiceProxy(amqp_url) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        program.wait_for("serving")
        call = pool.submit(proxy.sendEvent, event().decode())
        program.wait_for("at work")
        program.process.send_signal(number)
        program.wait_for("leaving")
        program.write(b"\n")
        assert call.result(10) == "done"
        assert program.wait() == 0


def test_a_second_signal_ends_it_at_once(amqp_url: str) -> None:
    command = (sys.executable, "-c", SLOW)
    with (
        Program("serve", "--url", amqp_url, command=command) as program,
        AMQPServiceProxy(amqp_url, timeout=30) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        program.wait_for("serving")
        call = pool.submit(proxy.sendEvent, event().decode())
        program.wait_for("at work")
        program.process.send_signal(signal.SIGINT)
        program.wait_for("leaving")
        assert program.end(signal.SIGINT) == -signal.SIGINT
        assert "Traceback" not in program.err
        with serve(amqp_url):
            # It was accepted, and an agent that dies with a call does not have it done twice.
            assert not call.done()
            call.cancel()
            proxy.close()


def test_events_are_validated_and_published_under_its_source(amqp_url: str) -> None:
    with (
        serve(amqp_url, "--source", "site", "--agent", "own.agent") as program,
        connect(amqp_url) as bus,
        bus.subscribe() as subscription,
        AMQPServiceProxy(amqp_url, agent="own.agent") as proxy,
    ):
        id = proxy.sendEvent(event().decode())
        got = subscription.get(10)
        assert (got.id, got.source) == (id, "site")
        with pytest.raises(InvalidEvent):
            proxy.sendEvent(event().decode().replace("CallerId", "Caller"))
        program.wait_for(f"published PhoneStatus {id} for user admin")


def test_a_broken_schema_is_reported_and_one_dropped_later_takes_effect(
    amqp_url: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.xsd").write_text("<a>")
    with (
        serve(amqp_url, "--schemas", tmp_path) as program,
        AMQPServiceProxy(amqp_url) as proxy,
    ):
        assert f"schema refused: {tmp_path / 'broken.xsd'}:1: not well-formed XML" in program.err
        with pytest.raises(UnknownEventType):
            proxy.sendEvent("<own>1</own>")
        (tmp_path / "own.xsd").write_text(XSD)
        wait_until(lambda: "own" in proxy.getEventTypes())
        assert proxy.sendEvent("<own>1</own>")
        (tmp_path / "broken.xsd").write_text(XSD.replace("own", "mended"))
        wait_until(lambda: "mended" in proxy.getEventTypes())
        assert program.end(signal.SIGTERM) == 0
        assert "Traceback" not in program.err


def test_they_can_be_ended_while_the_broker_is_away(private_broker: Broker) -> None:
    url = private_broker.url
    with Program("watch", "--url", url) as watch, Program("publish", "--url", url) as publish:
        with serve(url) as agent:
            watch.wait_for("watching")
            publish.write(event())
            wait_until(lambda: publish.out)
            private_broker.kill()
            for program in (agent, watch):
                program.wait_for("no connection")
            publish.write(event())
            ended = [publish.end(signal.SIGINT), watch.end(signal.SIGINT)]
            ended.append(agent.end(signal.SIGTERM))
        assert ended == [130, 130, 0]
        for program in (agent, watch, publish):
            assert "Traceback" not in program.err
            assert "secret" not in program.err
        assert "no connection" in watch.err.splitlines()[1]


def test_publishing_to_a_broker_that_stays_away_is_an_error(private_broker: Broker) -> None:
    with Program("publish", "--url", private_broker.url) as program:
        program.write(event())
        wait_until(lambda: program.out)
        private_broker.kill()
        program.write(event())
        assert program.wait() == 1
        assert program.out.count("\n") == 1
        assert program.err.splitlines()[-1].startswith("clacks-events: amqp://admin@127.0.0.1:")
        assert "Traceback" not in program.err
