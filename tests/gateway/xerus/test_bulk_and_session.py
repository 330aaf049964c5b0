"""Many requests in one, and sessions, with the real client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clacks_events.agent.policy import Effect, Policy, User
from clacks_events.agent.secrets import hash_secret
from tests.gateway.site import Site, open_gateway
from tests.gateway.xerus.devices import SHORT, Device, added, event, refused, rpc, session


@pytest.fixture
def site(url: str) -> Iterator[Site]:
    with open_gateway(url, SHORT) as opened:
        yield opened


def test_a_bulk_of_the_real_client(site: Site) -> None:
    with Device(site.address) as device:
        channel = device.service.createChannel()
        helper = rpc.BulkRequestHelper(device.agent)
        helper.add_request(channel.demandEventType, event.UserEvent)
        helper.add_request(device.service.pushEvent, added("x"))
        helper.add_request(channel.subscribe, None)
        helper.add_request(device.service.createChannel)
        helper.add_request(channel.pollEventsNb)
        demanded, pushed, subscribed, made, polled = helper.perform_bulk()
        assert (demanded, pushed) == (None, None)
        assert isinstance(subscribed, rpc.JsonRpcErrorException)
        assert made.target != channel.target
        assert polled[0] is False
        found = polled[1] or channel.pollEvents()[1]
        assert [each.username for each in found] == ["x"]


def test_polls_in_a_bulk_wait_together_no_longer_than_one(site: Site) -> None:
    with Device(site.address) as device:
        channels = [device.service.createChannel() for _ in range(3)]
        for each in channels:
            each.demandEventType(event.UserEvent)
        device.service.pushEvent(added("x"))
        empty = device.service.createChannel()
        requests: list[Any] = [(each.pollEvents, []) for each in [*channels, channels[0], empty]]
        answers = rpc.perform_bulk(device.agent, requests)
        names = [[each.username for each in events] for _, events in answers]
        assert names == [["x"], ["x"], ["x"], [], []]
        # What the first of two polls of a channel brought was delivered.
        assert channels[0].pollEventsNb() == (False, [])


def test_a_session_opens_what_its_user_may() -> None:
    user = User(password=str(hash_secret("pass")))
    policy = Policy(default=Effect.ALLOW, users={"eve": user})
    with open_gateway("memory://xerus-session", policy=policy) as site:
        with Device(site.address, user="eve", passwd="pass") as device:
            code, found, token = device.sessions.newSession()
            channel = device.service.createChannel()
            assert "code = -32001" in refused(device.sessions.getCurrentSession)
        assert code == 0
        assert (found.username, found.remoteIp, found.clientType) == (
            "eve",
            "127.0.0.1",
            "Python RPC",
        )
        with Device(site.address, token=token) as later:
            assert later.sessions.getCurrentSession().sessionId == found.sessionId
            assert later.sessions.touchCurrentSession(True) is None
            assert later.channel(channel.target).pollEventsNb() == (False, [])
            reason = session.SessionManager.CloseReason.CLOSE_REASON_LOGOUT
            assert "a session ends by itself" in refused(
                lambda: later.sessions.closeCurrentSession(reason)
            )
        with (
            Device(site.address, token="00" + token[2:]) as stranger,
            pytest.raises(rpc.HttpException, match="401"),
        ):
            stranger.sessions.getCurrentSession()
