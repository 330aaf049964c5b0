"""``clacks-events publish``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clacks_events import BusOptions, Event, Subscription, connect
from clacks_events.cli import publish
from clacks_events.cli.stream import Cut
from tests.cli.conftest import Main
from tests.cli.program import event
from tests.harness.program import Program, run

URL = "memory://cli-publish"
PAYLOAD = event()[event().index(b"<PhoneStatus>") : event().index(b"</Event>")].replace(
    b"<PhoneStatus>", b'<PhoneStatus xmlns="http://www.gonicus.de/Events">'
)


@pytest.fixture
def arrived() -> Iterator[Subscription]:
    with (
        connect(URL, options=BusOptions(watch_schemas=False)) as bus,
        bus.subscribe() as subscription,
    ):
        yield subscription


def statuses(subscription: Subscription, count: int) -> list[str | None]:
    found = [subscription.get(5).payload.findtext("{*}Status") for _ in range(count)]
    with pytest.raises(TimeoutError):
        subscription.get(0)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.xml"


@pytest.mark.parametrize("data", [event(), PAYLOAD, b"<?xml version='1.0'?>\n" + PAYLOAD])
def test_an_event_is_published_and_its_id_printed(
    invoke: Main, file: Path, arrived: Subscription, data: bytes
) -> None:
    file.write_bytes(data)
    code, out, err = invoke("publish", "--url", URL, "--source", "pbx", "-H", "a=1=2", file)
    got = arrived.get(5)
    assert (code, out, err) == (0, f"{got.id}\n", "")
    assert (got.source, dict(got.headers)) == ("pbx", {"a": "1=2"})


@pytest.mark.parametrize("between", [b"", b"\n", b"\n<?xml version='1.0' encoding='utf-8'?>\n"])
def test_a_file_may_have_many(
    invoke: Main, file: Path, arrived: Subscription, between: bytes
) -> None:
    file.write_bytes(between.lstrip() + between.join([event("a"), PAYLOAD, event("b")]))
    code, out, err = invoke("publish", "--url", URL, file, "--quiet")
    assert (code, out, err) == (0, "", "")
    assert statuses(arrived, 3) == ["a", "busy", "b"]


def test_other_encodings_are_understood(invoke: Main, file: Path, arrived: Subscription) -> None:
    text = event("frei für Anrufe").decode()
    for encoding in ("utf-16", "iso-8859-1"):
        file.write_text(f"<?xml version='1.0' encoding='{encoding}'?>{text}", encoding=encoding)
        assert invoke("publish", "--url", URL, file)[0] == 0
    assert statuses(arrived, 2) == ["frei für Anrufe"] * 2


def test_what_is_refused_is_reported_with_its_line_and_the_rest_goes_on(
    invoke: Main, file: Path, arrived: Subscription
) -> None:
    wrong = event().replace(b"Status>b", b"Stat>b").replace(b"y</Status", b"y</Stat")
    file.write_bytes(b"\n".join([event("a"), wrong, b"<x/>", event("b")]))
    missing = file.with_name("missing")
    code, out, err = invoke("publish", "--url", URL, missing, file.parent, file, "-q")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        f"clacks-events: {missing}: No such file or directory",
        f"clacks-events: {file.parent}: Is a directory",
        f"clacks-events: {file}:9: /Event/PhoneStatus/Stat: Element 'Stat': This element is not"
        " expected. Expected is ( Status ).",
        f"clacks-events: {file}:11: /Event/x: no schema declares x",
    ]
    assert statuses(arrived, 2) == ["a", "b"]


def test_all_of_it_is_repeated(invoke: Main, file: Path, arrived: Subscription) -> None:
    file.write_bytes(event("a") + event("b"))
    code, out, _ = invoke("publish", "--url", URL, file, "--count", 3)
    assert code == 0
    assert len(set(out.split())) == 6
    assert statuses(arrived, 6) == ["a", "b"] * 3


def test_nothing_at_all_is_a_failure(invoke: Main, file: Path) -> None:
    file.write_bytes(b"<!-- nothing -->\n")
    assert invoke("publish", "--url", URL, file) == (1, "", "clacks-events: no event in it\n")
    done = run("publish", "--url", URL)
    assert (done.returncode, done.stderr) == (1, "clacks-events: no event arrived\n")


def test_confirm_fails_when_nobody_takes_it(amqp_url: str) -> None:
    assert run("publish", "--url", amqp_url, input=event()).returncode == 0
    done = run("publish", "--url", amqp_url, "--confirm", input=event())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    with connect(amqp_url) as bus, bus.subscribe() as subscription:
        done = run("publish", "--url", amqp_url, "--confirm", input=event())
        assert (done.returncode, done.stdout) == (0, f"{subscription.get(5).id}\n")


def test_events_are_published_as_they_come(amqp_url: str) -> None:
    with (
        connect(amqp_url) as bus,
        bus.subscribe() as subscription,
        Program("publish", "--url", amqp_url, "-") as program,
    ):
        for number in range(3):
            half = event(str(number))
            program.write(half[:40])
            program.write(half[40:])
            got: Event = subscription.get(10)
            assert got.payload.findtext("{*}Status") == str(number)
            program.wait_for(str(got.id))
        assert program.end() == 0


class Clock:
    """Time that passes only while somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(publish, "time", clock)
    return clock


def moments(clock: Clock, work: list[float], rate: float | None) -> list[float]:
    """Return when each event is due, where getting at the next one takes ``work`` seconds."""

    def events() -> Iterator[tuple[str, Cut]]:
        for seconds in work:
            clock.now += seconds
            yield "-", Cut(1, b"")

    return [round(clock.now - 1000, 6) for _ in publish._paced(events(), rate)]


def test_the_rate_is_kept(clock: Clock) -> None:
    found = moments(clock, [0.001] * 101, 50)
    assert found[0] < 0.01
    # As many as may be caught up on at once are on top of the rate.
    assert found[-1] == pytest.approx(100 / 50, abs=0.11)


def test_a_long_wait_is_not_made_up_for_by_a_flood(clock: Clock) -> None:
    found = moments(clock, [0.0] * 10 + [60.0] + [0.0] * 100, 10)
    late = [moment for moment in found if moment >= 60]
    assert late[-1] - late[0] == pytest.approx(100 / 10, abs=0.21)


def test_without_a_rate_nothing_waits(clock: Clock) -> None:
    assert moments(clock, [0.0] * 100, None) == [0.0] * 100
