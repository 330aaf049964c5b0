"""The rules that docs/policy.md gives to RabbitMQ itself, on a real node."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, PreconditionFailed

from clacks_events import (
    AccessDenied,
    AMQPServiceProxy,
    Bus,
    BusOptions,
    Event,
    EventMaker,
    NobodyListens,
    PublishFailed,
    Subscription,
    connect,
)
from clacks_events.agent import Agent
from tests.harness.broker import PASSWORD, Broker, connected
from tests.harness.certificates import Certificates
from tests.harness.config import NodeConfig
from tests.harness.rabbitmq import Brokers
from tests.harness.waiting import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"
OPTIONS = BusOptions(publish_timeout=10.0, watch_schemas=False)
EXCHANGE = "clacks.events"

e = EventMaker()


@pytest.fixture(scope="module")
def node(brokers: Brokers, certificates: Certificates) -> Iterator[Broker]:
    """A node with the accounts of the page, and the exchange."""
    with brokers.create(NodeConfig(certificates, certificates.server)) as created:
        created.start()
        for line in re.findall(r"^rabbitmqctl (.+)$", PAGE.read_text(), re.MULTILINE):
            created.ctl(*shlex.split(line))
        connect(created.url, options=OPTIONS).close()
        yield created


Login = Callable[[str], Bus]


@pytest.fixture
def login(node: Broker) -> Iterator[Login]:
    """Connect as one of the accounts."""
    buses: list[Bus] = []

    def connected_bus(user: str) -> Bus:
        buses.append(connect(node.url_for(user=user), source=user, options=OPTIONS))
        return buses[-1]

    yield connected_bus
    for bus in buses:
        bus.close()


@pytest.fixture
def everything(login: Login) -> Subscription:
    """What arrives at somebody who may receive all."""
    return login("admin").subscribe()


def phone_status() -> Event:
    return Event(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("busy")))


def session() -> Event:
    return Event(e.UserSession(e.Id("x")))


def names(subscription: Subscription, last: str) -> list[str]:
    """Return what arrived, up to the first event of a type."""
    found = [subscription.get(10.0).name]
    while found[-1] != last:
        found.append(subscription.get(10.0).name)
    return found


def test_the_page_makes_the_accounts(node: Broker) -> None:
    assert PASSWORD in PAGE.read_text()
    users = {line.split()[0] for line in node.ctl("list_users").splitlines()}
    assert {"pbx", "desk", "caller"} <= users


def test_a_direct_publisher_of_another_type_is_refused(
    login: Login, everything: Subscription
) -> None:
    pbx = login("pbx")
    pbx.publish(phone_status(), confirm=True)
    with pytest.raises(PublishFailed, match=r"access to topic 'Event\.UserSession\.pbx' .*refused"):
        pbx.publish(session(), confirm=True)
    # The refusal has cost nothing but the event.
    pbx.publish(phone_status(), confirm=True)
    login("admin").publish(e.ClientPoll())
    assert names(everything, "ClientPoll") == ["PhoneStatus", "PhoneStatus", "ClientPoll"]


def test_what_is_published_without_confirmation_is_refused_too(
    login: Login, everything: Subscription
) -> None:
    pbx = login("pbx")
    pbx.publish(session())

    def refusal() -> PublishFailed | None:
        try:
            pbx.publish(phone_status())
        except PublishFailed as error:
            return error
        return None

    assert "Event.UserSession.pbx" in str(wait_until(refusal))
    login("admin").publish(e.ClientPoll())
    assert "UserSession" not in names(everything, "ClientPoll")


@pytest.mark.parametrize(
    "key",
    [
        "Event.UserSession.pbx",
        "Event.PhoneStatus.UserSession",
        "Event.PhoneStatus.UserSession.pbx",
        "Event.UserSession.PhoneStatus.pbx",
        "Event.UserSession.PhoneStatus",
        "Event.PhoneStatus",
        "Event.PhoneStatus.admin",
        "Event.PhoneStatus.pbx.",
        "PhoneStatus.pbx",
        "",
    ],
)
def test_no_key_of_another_client_gets_around_that(node: Broker, key: str) -> None:
    with connected(node.url_for(user="pbx")) as raw:
        publish(raw, session(), key)
        with pytest.raises(AccessRefused, match="access to topic"):
            raw.drain_events(timeout=10.0)


def test_a_direct_binding_to_another_type_is_refused(login: Login) -> None:
    desk, admin = login("desk"), login("admin")
    calls = desk.subscribe(types=["PhoneStatus"], source="admin")
    polls = desk.subscribe("/e:Event/e:ClientPoll")
    with pytest.raises(AccessDenied, match=r"access to topic 'Event\.#\.UserSession\.#' .*refused"):
        desk.subscribe(types=["UserSession"])
    with pytest.raises(AccessDenied, match=r"access to topic 'Event\.#' .*refused"):
        desk.subscribe()
    with pytest.raises(AccessDenied, match="refused"):
        desk.subscribe(source="admin")
    for event in (session(), phone_status(), e.ClientPoll()):
        admin.publish(event)
    assert calls.get(10.0).name == "PhoneStatus"
    assert polls.get(10.0).name == "ClientPoll"


@pytest.mark.parametrize(
    "pattern",
    [
        "#",
        "Event.#",
        "Event.*.*",
        "Event.UserSession.*",
        "#.desk",
        "Event.#.UserSession.#.PhoneStatus.#",
        "Event.#.PhoneStatus.#.UserSession.#",
    ],
)
def test_no_pattern_of_another_client_gets_around_that(node: Broker, pattern: str) -> None:
    with connected(node.url_for(user="desk")) as raw:
        channel = raw.channel()
        channel.queue_declare("clacks.events.mine", exclusive=True)
        with pytest.raises(AccessRefused, match="access to topic"):
            channel.queue_bind("clacks.events.mine", EXCHANGE, pattern)


def test_who_publishes_receives_nothing_and_the_other_way_round(login: Login) -> None:
    with pytest.raises(AccessDenied, match="refused"):
        login("pbx").subscribe(types=["PhoneStatus"])
    with pytest.raises(PublishFailed, match="refused"):
        login("desk").publish(phone_status(), confirm=True)


def test_a_forged_user_is_refused(node: Broker, login: Login, everything: Subscription) -> None:
    with connected(node.url_for(user="pbx")) as raw:
        publish(raw, phone_status(), "Event.PhoneStatus.pbx", user_id="admin")
        with pytest.raises(PreconditionFailed, match="user_id property set to 'admin'"):
            raw.drain_events(timeout=10.0)
    login("admin").publish(e.ClientPoll())
    assert names(everything, "ClientPoll") == ["ClientPoll"]


def publish(raw: Any, event: Event, key: str, **properties: str) -> None:
    raw.Producer().publish(event.xml, key, exchange=EXCHANGE, **properties)


def test_an_event_under_the_key_of_another_is_dropped_by_who_asked_for_a_type(
    node: Broker, login: Login, everything: Subscription
) -> None:
    desk = login("desk").subscribe(types=["PhoneStatus"])
    sessions = login("admin").subscribe(types=["UserSession"])
    with connected(node.url_for(user="pbx")) as raw:
        publish(raw, session(), "Event.PhoneStatus.pbx", user_id="pbx")
        publish(raw, phone_status(), "Event.PhoneStatus.pbx", user_id="pbx")
        assert desk.get(10.0).name == "PhoneStatus"
        assert names(everything, "PhoneStatus") == ["UserSession", "PhoneStatus"]
    login("admin").publish(Event(e.UserSession(e.Id("last"))))
    assert sessions.get(10.0).payload.findtext("{*}Id") == "last"


def test_who_publishes_has_no_queue_to_dead_letter_from(node: Broker) -> None:
    with connected(node.url_for(user="pbx")) as raw:
        channel = raw.channel()
        with pytest.raises(AccessRefused, match="access to queue"):
            channel.queue_declare("clacks.events.mine", exclusive=True, arguments=dead_letters())
    with connected(node.url_for(user="desk")) as raw:
        channel = raw.channel()
        with pytest.raises(AccessRefused, match=f"access to exchange '{EXCHANGE}'"):
            channel.queue_declare("clacks.events.mine", exclusive=True, arguments=dead_letters())


def dead_letters() -> dict[str, object]:
    return {
        "x-dead-letter-exchange": EXCHANGE,
        "x-dead-letter-routing-key": "Event.UserSession.pbx",
        "x-max-length": 0,
    }


def test_who_calls_can_neither_publish_nor_receive(node: Broker, login: Login) -> None:
    with (
        Agent(login("admin")),
        AMQPServiceProxy(node.url_for(user="caller"), timeout=10.0) as proxy,
    ):
        assert "sendEvent" in proxy.getMethods()
    caller = login("caller")
    with pytest.raises(PublishFailed, match="refused"):
        caller.publish(phone_status(), confirm=True)
    with pytest.raises(AccessDenied, match="refused"):
        caller.subscribe(types=["PhoneStatus"])


def test_a_refusal_is_not_taken_for_nobody_listening(login: Login) -> None:
    pbx = login("pbx")
    with pytest.raises(NobodyListens):
        pbx.publish(phone_status(), confirm=True)
    with pytest.raises(PublishFailed) as caught:
        pbx.publish(session(), confirm=True)
    assert not isinstance(caught.value, NobodyListens)
