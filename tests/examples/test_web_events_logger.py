"""The web events logger: what it shows, and what can be changed."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

import pytest

from clacks_events import Bus, BusOptions, connect
from tests.examples.conftest import StartSite
from tests.examples.site import NAMESPACE, PROGRAM, Site, call, leave
from tests.harness.program import TIMEOUT, Program
from tests.harness.waiting import wait_until


@pytest.mark.parametrize("transport", ["zmq", "amqp"])
def test_the_last_events_are_shown_newest_first(
    transport: str, start: StartSite, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(f"{transport}_url")
    site = start(url)
    with connect(url, source="pbx") as bus:
        sent = [bus.publish(event) for event in (call(101), leave("n1"), call(102))]
        lines = site.wait_for("102")

    assert [line[1:3] for line in lines] == [
        ["pbx", "PhoneStatus"],
        ["pbx", "NodeLeave"],
        ["pbx", "PhoneStatus"],
    ]
    assert [line[3].encode() for line in lines] == [event.xml for event in reversed(sent)]
    page = site.page("/")
    assert [each.text for each in page.findall(".//td[3]/a")] == [
        "PhoneStatus",
        "NodeLeave",
        "PhoneStatus",
    ]
    assert page.findtext(".//summary") == "CallerId: 102, ReceiverId: 300, Status: busy"
    assert "    <CallerId>102</CallerId>\n" in (page.findtext(".//pre") or "")
    assert site.get("/", fmt="html").headers["content-type"] == "text/html; charset=utf-8"
    assert site.get("/", fmt="plain").headers["content-type"] == "text/plain; charset=utf-8"


def test_sender_and_event_select_what_is_shown(
    start: StartSite, zmq_url: str, tmp_path: Path
) -> None:
    (tmp_path / "alarms.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        '<xs:element name="Alarm" type="xs:string"/>'
        '<xs:element name="FireAlarm" type="xs:string" substitutionGroup="Alarm"/>'
        "</xs:schema>"
    )
    site = start(zmq_url, "--schemas", tmp_path)
    with (
        connect(zmq_url, source="roof/east & west", schemas=[tmp_path]) as roof,
        connect(zmq_url, source="pbx") as pbx,
    ):
        roof.publish("<FireAlarm>hot</FireAlarm>")
        roof.publish(call(1))
        site.wait_for("300")
        pbx.publish(call(2))
        site.wait_for("300", times=2)

    assert [line[1] for line in site.lines(sender="pbx")] == ["pbx"]
    assert [line[2] for line in site.lines(event="Alarm")] == ["FireAlarm"]
    assert len(site.lines(event=f"{{{NAMESPACE}}}PhoneStatus")) == 2
    assert site.lines(sender="pbx", event="FireAlarm") == []
    # The links of the page lead to the same.
    link = site.page("/", event="FireAlarm").find(".//td[2]/a")
    assert link is not None
    assert [row.text for row in site.page(link.get("href", "")).findall(".//td[2]/a")] == [
        "roof/east & west"
    ] * 2


def test_a_type_that_nobody_knows_is_told_with_near_ones(site: Site) -> None:
    before = site.state()
    for found in (site.get("/", event="PhoneStat"), site.post("/add", event="PhoneStat")):
        assert found.status_code == 422
        assert "no schema declares PhoneStat; did you mean PhoneStatus" in found.text
    assert site.state() == before


def test_a_line_of_text_is_one_event(site: Site, bus: Bus) -> None:
    bus.publish(call("a\tb\nc\\n\x85\u2028\u202e"))
    bus.publish(call("end"))
    lines = site.wait_for("end")

    assert len(lines) == 2
    assert r"<CallerId>a\tb\nc\\n\x85\u2028\u202e</CallerId>" in lines[1][3]


@pytest.mark.parametrize("alias", [False, True])
def test_registrations_are_added_and_removed(alias: bool, site: Site, bus: Bus) -> None:
    remove, shown = ("/rem", "/registrations") if alias else ("/remove", "/regs")
    assert site.get(shown).status_code == 200
    assert site.registrations() == [["any", "any"]]
    assert site.post("/add", sender="pbx", event="PhoneStatus").status_code == 303
    assert site.post("/add", sender="pbx", event=f"{{{NAMESPACE}}}PhoneStatus").status_code == 303
    assert site.registrations() == [["any", "any"], ["pbx", "PhoneStatus"]]

    bus.publish(call("one"))
    bus.publish(leave("two"))
    lines = site.wait_for("two")
    # Two want the first one, which is there once.
    assert [line[2] for line in lines] == ["NodeLeave", "PhoneStatus"]

    assert site.post(remove).headers["location"] == "/regs"
    bus.publish(leave("three"))
    bus.publish(call("four"))
    assert "three" not in str(site.wait_for("four"))

    gone = site.post(remove)
    assert gone.status_code == 404
    assert "no registration for every event of any sender" in gone.text
    assert site.post(remove, sender="pbx", event="PhoneStatus").status_code == 303
    assert site.registrations() == []
    assert "Nothing is listened to" in site.get("/regs").text


def test_there_are_only_so_many_registrations(site: Site) -> None:
    for number in range(31):
        assert site.post("/add", sender=f"s{number}").status_code == 303
    found = site.post("/add", sender="one more")

    assert found.status_code == 409
    assert "there are 32 registrations" in found.text
    assert site.post("/add", sender="s7").status_code == 303
    assert len(site.registrations()) == 32


@pytest.mark.parametrize("path", ["/clear", "/flush"])
def test_events_are_forgotten(path: str, site: Site, bus: Bus) -> None:
    bus.publish(call("one"))
    site.wait_for("one")
    assert site.post(path).headers["location"] == "/"
    assert site.lines() == []
    bus.publish(call("two"))
    assert len(site.wait_for("two")) == 1


@pytest.mark.parametrize("path", ["/config", "/cfg"])
def test_the_limit_is_kept(path: str, site: Site, bus: Bus) -> None:
    assert "at most 100 and 2 MiB" in site.get(path).text
    for number in range(5):
        bus.publish(call(number))
    site.wait_for("<CallerId>4<")
    assert site.post(path, limit="2").status_code == 303
    assert len(site.lines()) == 2
    bus.publish(call("next"))
    assert [("next" in line[3], "<CallerId>4<" in line[3]) for line in site.wait_for("next")] == [
        (True, False),
        (False, True),
    ]
    for limit in ("0", "-1", "1001", "9" * 400, "x", "1.5", "\u0663", ""):
        found = site.post(path, limit=limit)
        assert found.status_code == 422
        assert "limit is a number from 1 to 1000" in found.text
    assert "2 events are kept; at most 2 and" in site.get(path).text


def test_large_events_are_cut_and_the_oldest_go(site: Site, bus: Bus) -> None:
    site.post("/config", limit="1000")
    for number in range(100):
        bus.publish(call(f"n{number}", ReceiverId="ü" * 50_000))
    lines = site.wait_for("<CallerId>n99<")

    assert "… (100" in lines[0][3]
    assert lines[0][3].endswith(" bytes in all)")
    assert 20 < len(lines) < 100
    assert sum(len(line[3].encode()) for line in lines) < 2**21


def test_what_is_nested_deep_does_not_grow(start: StartSite, zmq_url: str, tmp_path: Path) -> None:
    (tmp_path / "deep.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Deep">'
        '<xs:complexType><xs:sequence><xs:any minOccurs="0" maxOccurs="unbounded"'
        ' processContents="skip"/></xs:sequence></xs:complexType></xs:element></xs:schema>'
    )
    site = start(zmq_url, "--schemas", tmp_path)
    with connect(zmq_url, schemas=[tmp_path]) as bus:
        bus.publish(f"<Deep>{'<a>' * 200}{'<b/>' * 5000}{'</a>' * 200}</Deep>")
        bus.publish(call("end"))
        site.wait_for("end")

    assert len(site.lines()) == 2
    assert len(site.get("/").content) < 2**18


def test_events_come_from_many_threads_while_it_is_read(site: Site, zmq_url: str) -> None:
    def publish(name: str) -> None:
        with connect(zmq_url, source=name) as own:
            for number in range(25):
                own.publish(call(f"{name}-{number}."))

    threads = [threading.Thread(target=publish, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert site.get("/").status_code == 200
    for thread in threads:
        thread.join()
    site.wait_for("<CallerId>s", times=100)

    texts = [line[3] for line in site.lines()]
    for name in ("s0", "s1", "s2", "s3"):
        own = [re.findall(rf"<CallerId>{name}-(\d+)\.", text) for text in texts]
        assert [int(found[0]) for found in own if found] == list(range(24, -1, -1))


def test_heartbeats_are_shown_to_those_who_ask(site: Site, zmq_url: str) -> None:
    with (
        connect(zmq_url, options=BusOptions(presence_interval=0.05)) as bus,
        bus.subscribe(types=["SenderRenew"]) as beats,
        bus.sender("gps", ["PhoneStatus"]),
    ):
        for _ in range(3):
            beats.get(TIMEOUT)
        bus.publish(call("end"))
        types = [line[2] for line in site.wait_for("end")]
        assert "SenderAnnounce" in types
        assert "SenderRenew" not in types
        assert site.post("/add", event="SenderRenew").status_code == 303
        wait_until(lambda: site.lines(event="SenderRenew"), TIMEOUT)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("fmt=plain&senders=x", "no parameter 'senders'; there is event, fmt, sender"),
        ("fmt=plain&sender=x&sender=y", "a parameter is there twice"),
        ("fmt=plain&event=PhoneStat", "did you mean PhoneStatus"),
        ("fmt=xml", "fmt is plain or html, not &#x27;xml&#x27;"),
    ],
)
def test_wrong_parameters_are_told(query: str, reason: str, site: Site) -> None:
    found = site.client.get(f"/?{query}")

    assert found.status_code == 422
    assert reason in found.text
    assert found.headers["content-type"].startswith(
        "text/plain" if "plain" in query else "text/html"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals, site: Site) -> None:
    assert site.program.end(number) == 0, site.program.report()
    assert site.program.out.endswith("bye\n")
    assert site.program.err == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--url", "zmq://127.0.0.1"], "zmq://127.0.0.1"),
        (["--listen", "8000"], "not HOST:PORT: '8000'"),
        (["--listen", "127.0.0.1:99999"], "not HOST:PORT"),
        (["--schemas", "nowhere"], "no schema directory"),
        (["--listen", "TAKEN"], "cannot listen"),
    ],
)
def test_wrong_use_is_told_without_a_traceback(
    arguments: list[str], reason: str, site: Site, zmq_url: str
) -> None:
    taken = site.url.removeprefix("http://")
    given = ["--url", zmq_url, "--listen", "127.0.0.1:0"]
    given += [text.replace("TAKEN", taken) for text in arguments]
    with Program(*given, command=PROGRAM) as program:
        assert program.wait() in (1, 2)
        assert reason in program.err
        assert "Traceback" not in program.err


def test_who_opens_it_to_other_machines_is_told(start: StartSite, zmq_url: str) -> None:
    site = start(zmq_url, listen="0.0.0.0:0")
    site.program.wait_for("0.0.0.0 is open to other machines: they can read all events")
