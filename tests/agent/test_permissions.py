"""A policy in force: who may call what, and send which events."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from clacks_events import AccessDenied, AMQPServiceProxy, EventMaker, connect
from clacks_events.agent import Agent
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until

e = EventMaker()
POLICY = """
[[rules]]
who = ["dispatcher"]
effect = "allow"
commands = ["*"]
publish = ["PhoneStatus"]

[[rules]]
who = ["guest*"]
effect = "allow"
commands = ["get*", "ping", "sendEvent"]
"""


def phone_status() -> etree._Element:
    return e.Event(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("busy")))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def test_who_may_not_send_an_event_is_told_and_nothing_is_published(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Agent("memory://permissions", policy=file),
        connect("memory://permissions") as bus,
        bus.subscribe(types=["PhoneStatus", "UserSession"]) as subscription,
        AMQPServiceProxy("memory://guest-1@permissions") as guest,
        AMQPServiceProxy("memory://dispatcher@permissions") as dispatcher,
    ):
        reason = r"^sending the event 'org\.clacks\.event\.PhoneStatus' is not permitted$"
        with pytest.raises(AccessDenied, match=reason):
            guest.sendEvent(phone_status())
        with pytest.raises(AccessDenied, match=r"'org\.clacks\.event\.UserSession'"):
            dispatcher.sendEvent(e.Event(e.UserSession(e.Id("x"))))
        sent = dispatcher.sendEvent(phone_status())
        assert subscription.get(10.0).id == sent
        with pytest.raises(TimeoutError):
            subscription.get(0)
    assert caplog.text.count("denied to user guest-1: sending the event") == 1
    assert "no rule fits, and the default is to deny" in caplog.text


def test_each_command_needs_permission(file: Path) -> None:
    agent = Agent("memory://commands-permitted", policy=file)
    carried_out: list[str] = []
    agent.commands.add(lambda user: carried_out.append(user), name="reboot")
    with (
        agent,
        AMQPServiceProxy("memory://guest-1@commands-permitted") as guest,
        AMQPServiceProxy("memory://dispatcher@commands-permitted") as dispatcher,
        AMQPServiceProxy("memory://commands-permitted") as nobody,
    ):
        with pytest.raises(AccessDenied, match=r"^calling the command 'reboot' is not permitted$"):
            guest.reboot()
        with pytest.raises(AccessDenied, match="'ping'"):
            nobody.ping()
        with guest.batch() as batch:
            denied, allowed = batch.reboot(), batch.ping()
        assert isinstance(denied.exception(), AccessDenied)
        assert allowed.result()["name"] == agent.name
        dispatcher.reboot()
        assert carried_out == ["dispatcher"]
        assert agent.counters.refused == 4


def test_a_changed_policy_takes_effect_while_the_agent_runs(file: Path) -> None:
    with (
        Agent("memory://changing", policy=file) as agent,
        AMQPServiceProxy("memory://guest-1@changing") as guest,
    ):
        with pytest.raises(AccessDenied):
            guest.sendEvent(phone_status())
        file.write_text(POLICY + 'publish = ["*"]\n')
        wait_until(lambda: len(agent.policy.rules[1].publish) == 1)
        assert guest.sendEvent(phone_status())
        file.write_text("rules = 5")
        file.write_text(POLICY.replace("get*", "getEvent*"))
        wait_until(lambda: denied(guest))


def denied(guest: AMQPServiceProxy) -> bool:
    try:
        guest.getNodes()
    except AccessDenied:
        return True
    return False


def test_rabbitmq_vouches_for_the_name(broker: Broker, file: Path) -> None:
    vhost = broker.fresh_vhost()
    for user in ("dispatcher", "guest-2"):
        broker.ctl("add_user", user, "secret")
        broker.ctl("set_permissions", "-p", vhost, user, ".*", ".*", ".*")
    with (
        Agent(broker.url_for(vhost), policy=file),
        AMQPServiceProxy(broker.url_for(vhost, user="dispatcher")) as dispatcher,
        AMQPServiceProxy(broker.url_for(vhost, user="guest-2")) as guest,
        AMQPServiceProxy(broker.url_for(vhost)) as admin,
    ):
        assert dispatcher.sendEvent(phone_status())
        with pytest.raises(AccessDenied, match="sending the event"):
            guest.sendEvent(phone_status())
        with pytest.raises(AccessDenied, match="calling the command 'ping'"):
            admin.ping()
