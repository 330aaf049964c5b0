"""``clacks-events watch``: real processes at a real broker."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from clacks_events import Bus, BusOptions, Event, connect
from clacks_events.cli.show import show_event
from tests.cli.conftest import Main
from tests.cli.program import event
from tests.harness.broker import connected
from tests.harness.program import COMMAND, TIMEOUT, Program, environment

XSD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:own">'
    '<xs:element name="Own" type="xs:int"/></xs:schema>'
)
PUSH = b'<Event xmlns="http://www.gonicus.de/Events" xmlns:o="urn:own"><o:Own>%s</o:Own></Event>'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.xsd").write_text(XSD)
    return tmp_path


@pytest.fixture
def bus(amqp_url: str, own: Path) -> Iterator[Bus]:
    options = BusOptions(watch_schemas=False)
    with connect(amqp_url, source="pbx", schemas=[own], options=options) as bus:
        yield bus


def watch(url: str, *arguments: str | Path) -> Program:
    program = Program("watch", "--url", url, *arguments)
    program.wait_for("watching")
    return program


def test_events_are_printed_for_people(bus: Bus, amqp_url: str) -> None:
    with watch(amqp_url) as program:
        bus.publish(event("busy"), headers={"priority": "9", "forged": "a\nb\x1b[1m"})
        program.wait_for("</PhoneStatus>\n")
        head, _, body = program.out.partition("\n")
        assert head[8:].endswith(
            " PhoneStatus from pbx priority=9 forged=a b\N{REPLACEMENT CHARACTER}[1m"
        )
        assert "\n  <Status>busy</Status>\n" in body
        assert "\x1b" not in program.out
        assert program.end(signal.SIGINT) == 130
        assert program.err == "watching; Ctrl-C ends\n"


def test_type_source_and_query_select(bus: Bus, amqp_url: str) -> None:
    query = "//e:Status = 'busy'"
    selected = ("--type", "PhoneStatus", "--source", "pbx", query, "--count", "2", "--json")
    with watch(amqp_url, *selected) as program:
        bus.publish(event("1"))
        bus.publish(event("busy", source="other"))
        bus.publish(b'<ClientPoll xmlns="http://www.gonicus.de/Events"/>')
        sent = [bus.publish(event("busy")) for _ in range(2)]
        assert program.wait() == 0
        assert [json.loads(line)["id"] for line in program.out.splitlines()] == [s.id for s in sent]


def test_a_query_may_come_from_a_file(bus: Bus, amqp_url: str, tmp_path: Path) -> None:
    (tmp_path / "q.xq").write_text("//e:Status = 'busy'")
    with watch(amqp_url, "--file", tmp_path / "q.xq", "--count", "1", "--raw") as program:
        bus.publish(event("free"))
        sent = bus.publish(event("busy"))
        assert program.wait() == 0
        assert program.out == sent.xml.decode() + "\n"


def test_json_is_typed_by_the_schemas_given(bus: Bus, amqp_url: str, own: Path) -> None:
    with watch(amqp_url, "--json", "--count", "1", "--schemas", own) as program:
        sent = bus.publish(PUSH % b"12")
        assert program.wait() == 0
        assert program.out.count("\n") == 1
        assert json.loads(program.out) == sent.json()


def test_what_no_schema_types_has_its_xml_in_the_json(bus: Bus, amqp_url: str) -> None:
    with watch(amqp_url, "--json", "--count", "2") as program:
        sent = bus.publish(PUSH % b"12")
        bus.publish(event())
        assert program.wait() == 0
        first, second = map(json.loads, program.out.splitlines())
        assert (first["id"], first["type"]) == (sent.id, "{urn:own}Own")
        assert etree.fromstring(first["xml"]).text == "12"
        assert "payload" not in first
        assert first["error"] == "no schema declares {urn:own}Own"
        assert second["payload"]["Status"] == "busy"


def test_invalid_and_malformed_events_do_not_end_it(bus: Bus, amqp_url: str) -> None:
    with watch(amqp_url, "--json", "--count", "2") as program, connected(amqp_url) as connection:
        producer = connection.Producer()
        for body in (b"<a>", event().replace(b"Status>", b"Stat>")):
            producer.publish(
                body,
                exchange="clacks.events",
                routing_key="Event.PhoneStatus.x",
                content_type="application/xml",
                content_encoding="binary",
            )
        bus.publish(event())
        assert program.wait() == 0
        assert program.out.count("\n") == 2
        assert "set aside: malformed event" in program.err
        assert "Traceback" not in program.err


def test_no_event_in_time_is_a_failure(amqp_url: str) -> None:
    with watch(amqp_url, "--timeout", "0.7") as program:
        assert program.wait() == 1
        assert program.out == ""
        assert program.err.splitlines()[1:] == ["clacks-events: no event within 0.7 s"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it(amqp_url: str, number: signal.Signals) -> None:
    with watch(amqp_url) as program:
        assert program.end(number) == 130
        assert (program.out, program.err) == ("", "watching; Ctrl-C ends\n")


def test_it_ends_when_its_reader_does(bus: Bus, amqp_url: str) -> None:
    read, write = os.pipe()
    with Program("watch", "--url", amqp_url, "--raw", stdout=write) as program:
        os.close(write)
        program.wait_for("watching")
        sent = bus.publish(event())
        assert os.read(read, 65536).decode() == sent.xml.decode() + "\n"
        os.close(read)
        # No second event is needed.
        assert program.wait() == 141
        assert program.err == "watching; Ctrl-C ends\n"


def on_terminal(url: str, bus: Bus, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Return what watch writes on a terminal for one event."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "watch", "--url", url, "--count", "1", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment(env),
    )
    os.close(theirs)
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        assert process.stderr is not None
        assert process.stderr.readline() == b"watching; Ctrl-C ends\n"
        bus.publish(event("\x9b1m &quot;busy&quot;"))
        output = bytearray()
        try:
            while data := terminal.read(65536):
                output += data
        except OSError as error:
            # How Linux says that the other side has closed.
            if error.errno != errno.EIO:
                raise
        assert process.wait(TIMEOUT) == 0
    return output.decode()


def test_a_terminal_gets_colours(bus: Bus, amqp_url: str) -> None:
    output = on_terminal(amqp_url, bus)
    assert "\x1b[1m" in output
    assert "\x1b[36m<Status>\x1b[0m" in output
    assert "\x9b" not in output


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused(bus: Bus, amqp_url: str, env: dict[str, str]) -> None:
    output = on_terminal(amqp_url, bus, env=env)
    assert "\x1b" not in output
    assert "\x9b" not in output


@pytest.mark.parametrize("form", ["--raw", "--json"])
def test_other_forms_are_not_coloured_and_harmless(bus: Bus, amqp_url: str, form: str) -> None:
    output = on_terminal(amqp_url, bus, form)
    assert "PhoneStatus" in output
    assert "\x1b" not in output
    assert "\x9b" not in output


def test_programs_get_utf8_in_any_locale(bus: Bus, amqp_url: str) -> None:
    with Program(
        "watch", "--url", amqp_url, "--raw", "--count", "1", env={"PYTHONIOENCODING": "latin-1"}
    ) as program:
        program.wait_for("watching")
        sent = bus.publish(event("ü€"))
        assert program.wait() == 0
        assert program.out == sent.xml.decode() + "\n"


def test_a_bad_query_has_a_caret(invoke: Main) -> None:
    code, out, err = invoke("watch", "--url", "memory://", "1 +")
    assert (code, out) == (1, "")
    assert err.splitlines()[1:] == ["  1 +", "    ^"]


def shown(xml: str, form: str = "pretty", *, coloured: bool = False) -> str:
    return show_event(Event.from_xml(xml), form, coloured=coloured)


def test_times_at_the_end_of_the_calendar_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    xml = event(time="9999-12-31T23:59:59Z").decode()
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert shown(xml).startswith("9999-12-31T23:59:59+00:00 PhoneStatus from -\n")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_delicate_characters_are_escaped_in_json() -> None:
    text = "\x7f\x85\x9b\u2028ü"
    line = shown(event(text).decode(), "json")
    assert len(line.splitlines()) == 1
    assert "ü" in line
    assert text in json.loads(line)["xml"]


def test_colours_do_not_change_the_text() -> None:
    xml = event('"a" &lt;b&gt; 5\' <!-- <c> "d" --><x y=\'1\'/>').decode()
    coloured = shown(xml, coloured=True)
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[36m"):
        coloured = coloured.replace(code, "")
    assert coloured == shown(xml)


def test_nothing_is_lost_between_many_events(bus: Bus, amqp_url: str) -> None:
    with watch(amqp_url, "--json", "--count", "500") as program:
        sender = threading.Thread(target=lambda: [bus.publish(event(str(n))) for n in range(500)])
        sender.start()
        assert program.wait() == 0
        sender.join()
        states = [json.loads(line)["payload"]["Status"] for line in program.out.splitlines()]
        assert states == [str(number) for number in range(500)]
