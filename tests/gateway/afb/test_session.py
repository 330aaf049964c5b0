"""Real clients at a real gateway."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from clacks_events.agent.policy import Policy
from clacks_events.agent.rule import Effect, Rule
from clacks_events.errors import ConnectFailed, RemoteError
from clacks_events.gateway import GatewayOptions
from clacks_events.gateway.afb.session import MOST_CALLS
from tests.gateway.afb.client import figure, open_client
from tests.gateway.site import Site, open_gateway
from tests.harness.waiting import wait_until

CALL = {"CallerId": "1", "ReceiverId": "2", "Status": "busy"}
XML = (
    '<e:Event xmlns:e="http://www.gonicus.de/Events" source="{}"><e:PhoneStatus>'
    "<e:CallerId>1</e:CallerId><e:ReceiverId>{}</e:ReceiverId><e:Status>busy</e:Status>"
    "</e:PhoneStatus></e:Event>"
)


@pytest.fixture
def site(url: str) -> Iterator[Site]:
    with open_gateway(url) as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    """A gateway that nobody changes."""
    with open_gateway("memory://afb-shared") as found:
        yield found


@pytest.fixture
def local() -> Iterator[Site]:
    """A gateway for what has nothing to do with the broker."""
    with open_gateway("memory://afb") as found:
        yield found


def test_events_of_a_name_and_of_a_query_arrive(site: Site) -> None:
    with open_client(site.address) as client:
        assert client.call("event/subscribe", {"value": "pbx/PhoneStatus"}) is None
        assert client.call("event/subscribe", {"query": "//e:ReceiverId = '7'"}) is None
        site.bus.publish(XML.format("pbx", 1))
        site.bus.publish(XML.format("exchange", 1))
        site.bus.publish(XML.format("exchange", 7))
        site.bus.publish(XML.format("pbx", 7))

        assert client.event() == ("pbx/PhoneStatus", {**CALL, "ReceiverId": "1"})
        assert client.event() == ("exchange/PhoneStatus", {**CALL, "ReceiverId": "7"})
        # Two subscriptions of one connection, one event.
        assert client.event() == ("pbx/PhoneStatus", {**CALL, "ReceiverId": "7"})
        site.bus.publish(XML.format("pbx", 8))
        assert client.event()[1]["ReceiverId"] == "8"


def test_subscribing_twice_counts_once(site: Site) -> None:
    with open_client(site.address) as client:
        client.call("event/subscribe", {"value": "pbx/PhoneStatus"})
        client.call("event/subscribe", {"event": "pbx/PhoneStatus"})
        client.call("event/subscribe", "pbx/PhoneStatus")
        assert client.call("event/list")["subscribed"] == ["pbx/PhoneStatus"]

        client.call("event/unsubscribe", {"value": "pbx/PhoneStatus"})
        client.call("event/unsubscribe", {"value": "pbx/PhoneStatus"})
        client.call("event/subscribe", "other/PhoneStatus")
        site.bus.publish(XML.format("pbx", 1))
        site.bus.publish(XML.format("other", 2))

        assert client.event() == ("other/PhoneStatus", {**CALL, "ReceiverId": "2"})
        assert client.call("event/list")["subscribed"] == ["other/PhoneStatus"]


def test_what_a_client_pushes_is_an_event_for_all(site: Site) -> None:
    with (
        site.bus.subscribe(types=["PhoneStatus"]) as events,
        open_client(site.address) as pusher,
        open_client(site.address) as other,
    ):
        other.call("event/subscribe", "*/PhoneStatus")
        first = pusher.call("event/push", {"event": "pbx/PhoneStatus", "data": CALL})
        second = pusher.call("event/push", {"type": "PhoneStatus", "data": CALL})
        third = pusher.call("event/push", {"xml": XML.format("desk", 3)})

        found = [events.get(timeout=10) for _ in range(3)]
        assert [event.id for event in found] == [first["id"], second["id"], third["id"]]
        assert [event.source for event in found] == ["pbx", "gateway", "desk"]
        names = ["pbx/PhoneStatus", "gateway/PhoneStatus", "desk/PhoneStatus"]
        assert [other.event()[0] for _ in range(3)] == names


def test_pushes_that_are_not_waited_for_keep_their_order(local: Site) -> None:
    with (
        local.bus.subscribe(types=["PhoneStatus"]) as events,
        open_client(local.address) as client,
    ):
        for number in range(60):
            data = {**CALL, "ReceiverId": str(number)}
            args = {"event": "pbx/PhoneStatus", "data": data}
            last = client.ask(
                "event/push", {"xml": XML.format("pbx", number)} if number % 2 else args
            )
        client.reply(last)

        found = [events.get(timeout=10).payload.findtext("{*}ReceiverId") for _ in range(60)]
        assert found == [str(number) for number in range(60)]


def test_subscribing_and_the_opposite_keep_their_order(local: Site) -> None:
    with open_client(local.address) as client:
        for _ in range(10):
            client.ask("event/subscribe", "pbx/PhoneStatus")
            last = client.ask("event/unsubscribe", "pbx/PhoneStatus")
        client.reply(last)

        assert client.call("event/list")["subscribed"] == []
        assert client.call("event/subscribe", ".") is None


def test_an_event_without_content_has_no_data(local: Site) -> None:
    with open_client(local.address) as client:
        client.call("event/subscribe", "*/ClientPoll")
        local.bus.publish('<ClientPoll xmlns="http://www.gonicus.de/Events"/>')

        assert client.event() == ("tests/ClientPoll", None)


def test_the_list_tells_what_there_is(local: Site) -> None:
    with open_client(local.address) as client:
        types = {each["name"]: each for each in client.call("event/list")["types"]}

    assert types["PhoneStatus"]["type"] == "{http://www.gonicus.de/Events}PhoneStatus"
    assert types["PhoneStatus"]["documentation"]


def test_a_disconnect_drops_all(site: Site) -> None:
    with open_client(site.address) as client:
        client.call("event/subscribe", "pbx/PhoneStatus")
        client.call("event/subscribe", "//e:Status")
        assert figure(site, "clacks_subscriptions") == 2
        assert figure(site, 'clacks_streams{kind="afb"}') == 1

    wait_until(lambda: figure(site, 'clacks_streams{kind="afb"}') == 0)
    assert figure(site, "clacks_subscriptions") == 0


def test_a_client_that_is_killed_is_dropped_with_its_calls(local: Site) -> None:
    entered, release = threading.Event(), threading.Event()

    @local.agent.command
    def wait() -> None:
        entered.set()
        release.wait(30)

    with open_client(local.address) as client:
        client.call("event/subscribe", ".")
        for _ in range(MOST_CALLS + 1):
            client.ask("agent/wait")
        assert entered.wait(10)
        client.connection.socket.shutdown(socket.SHUT_RDWR)

        wait_until(lambda: figure(local, 'clacks_streams{kind="afb"}') == 0)
    release.set()


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("nothing/list", None, ("unknown-api", -3, "'nothing'")),
        ("event/nothing", None, ("unknown-verb", -4, "'nothing'")),
        ("agent/nothing", None, ("unknown-verb", -4, "nothing")),
        ("agent/ping", 7, ("invalid-request", -12, "array or an object")),
        ("agent/ping", [1], ("invalid-request", -12, "too many")),
        ("agent/getEventSchema", {"nome": "x"}, ("invalid-request", -12, "nome")),
        ("agent/getEventSchema", ["Phone"], ("invalid-request", -12, "Phone")),
        ("agent/sendEvent", ["<a"], ("invalid-request", -12, "XML")),
        ("event/subscribe", None, ("invalid-request", -12, "value")),
        ("event/subscribe", "pbx/PhoneState", ("invalid-request", -12, "PhoneStatus")),
        ("event/subscribe", "//e:Status = ", ("invalid-request", -12, "line 1")),
        ("event/subscribe", {"query": "1 to 9"}, ("invalid-request", -12, "line 1")),
        ("event/subscribe", "." * 9000, ("not-available", -5, "8192")),
        ("event/push", None, ("invalid-request", -12, "what to push")),
        ("event/push", {"event": "PhoneStatus"}, ("invalid-request", -12, "PhoneStatus")),
        ("event/push", {"event": 7, "data": {}}, ("invalid-request", -12, "text")),
        ("event/push", {"event": "*/PhoneStatus", "data": CALL}, ("invalid-request", -12, "name")),
        ("event/push", {"event": "x" * 300 + "/PhoneStatus", "data": CALL},
         ("invalid-request", -12, "255")),
        ("event/push", {"event": "a\x01/PhoneStatus", "data": CALL}, ("invalid-request", -12, "")),
        ("event/push", {"event": "PhoneStatus", "data": {"a": 1}}, ("invalid-request", -12, "a")),
        ("event/push", {"event": "Phone", "data": {}}, ("invalid-request", -12, "PhoneStatus")),
        ("event/push", {"xml": "<a>"}, ("invalid-request", -12, "")),
        ("event/push", {"xml": 7}, ("invalid-request", -12, "text")),
        ("event/push", {"xml": "<a/>", "event": "b"}, ("invalid-request", -12, "what to push")),
    ],
)  # fmt: skip
def test_a_call_that_fails_says_why(
    shared: Site, name: str, args: object, expected: tuple[str, int, str]
) -> None:
    with open_client(shared.address) as client:
        status, code, info = client.fail(name, args)

        assert (status, code) == expected[:2]
        assert expected[2] in info
        # The connection goes on.
        assert client.call("agent/ping")["name"] == "gateway"


def test_commands_of_the_agent_are_verbs(local: Site) -> None:
    @local.agent.command
    def add(a: int, b: int = 1) -> dict[str, int]:
        return {"sum": a + b}

    @local.agent.command
    def nothing() -> None: ...

    @local.agent.command
    def fail(message: str) -> None:
        raise RemoteError(-2000, message)

    @local.agent.command
    def break_down() -> None:
        raise ZeroDivisionError("secret")

    @local.agent.command
    def connect_elsewhere() -> None:
        raise ConnectFailed("nobody there")

    with open_client(local.address) as client:
        assert client.call("agent/add", [1, 2]) == {"sum": 3}
        assert client.call("agent/add", {"a": 4}) == {"sum": 5}
        assert client.call("agent/nothing", "") is None
        assert "add" in client.call("agent/getMethods")
        assert client.fail("agent/fail", ["no ink"])[0] == "user-error"
        assert client.fail("agent/fail", ["no ink"])[1] <= -1000
        assert client.fail("agent/fail", ["no ink"])[2].startswith("no ink")
        status, code, info = client.fail("agent/break_down")
        assert (status, code) == ("internal-error", -1)
        assert "secret" not in info
        assert client.fail("agent/connect_elsewhere")[1] == -5


def test_calls_run_side_by_side_and_are_answered_as_they_are_done(local: Site) -> None:
    release = threading.Event()

    @local.agent.command
    def wait() -> str:
        return "released" if release.wait(30) else "late"

    with open_client(local.address) as client:
        slow = client.ask("agent/wait")
        assert client.call("agent/ping")["name"] == "gateway"
        client.call("event/subscribe", ".")
        release.set()
        assert client.reply(slow)[2]["response"] == "released"


def test_beyond_so_many_calls_nothing_more_is_read(local: Site) -> None:
    release, running = threading.Event(), threading.Event()

    @local.agent.command
    def wait() -> None:
        running.set()
        release.wait(30)

    with open_client(local.address) as client:
        ids = [client.ask("agent/wait") for _ in range(100)]
        assert running.wait(10)
        release.set()
        replies = [client.reply(id)[0] for id in ids]

    assert replies == [3] * 100


def test_an_id_that_is_in_use_is_answered_again(local: Site) -> None:
    with open_client(local.address) as client:
        client.send([2, "same", "agent/ping", None])
        first = client.reply("same")[0]
        client.send([2, "same", "nothing/at-all", None])

        assert (first, client.reply("same")[0]) == (3, 4)


def test_the_policy_decides(url: str) -> None:
    deny = Rule(
        "quiet phones",
        Effect.DENY,
        publish=("PhoneStatus",),
        subscribe=("PhoneStatus",),
        commands=("getNodes",),
    )
    with (
        open_gateway(url, policy=Policy((deny,), default=Effect.ALLOW)) as site,
        open_client(site.address) as client,
    ):
        for name, args in (
            ("agent/getNodes", None),
            ("event/push", {"event": "PhoneStatus", "data": CALL}),
            ("event/push", {"xml": XML.format("a", 1)}),
            ("event/subscribe", "pbx/PhoneStatus"),
            ("agent/sendEvent", [XML.format("a", 1)]),
        ):
            status, code, info = client.fail(name, args, "HELLO")
            assert (status, code) == ("unauthorized", -6)
            assert "not permitted" in info
        assert client.call("agent/ping")["name"] == "gateway"
        client.call("event/subscribe", "*/SenderLeave")


def test_there_are_only_so_many_subscriptions(local: Site) -> None:
    most = GatewayOptions().limits.stream.filters
    with open_client(local.address) as client:
        for number in range(most):
            client.call("event/subscribe", f"s{number}/PhoneStatus")

        status, code, info = client.fail("event/subscribe", "more/PhoneStatus")
        assert (status, code) == ("not-available", -5)
        assert str(most) in info
        client.call("event/unsubscribe", "s0/PhoneStatus")
        client.call("event/subscribe", "more/PhoneStatus")
