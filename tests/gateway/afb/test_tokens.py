"""Who a client is, in all the ways that it may say so."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from clacks_events.agent.policy import Policy, User
from clacks_events.agent.rule import Effect, Rule
from clacks_events.agent.secrets import Cost, hash_secret, new_token
from clacks_events.gateway import AccessOptions, GatewayOptions
from tests.gateway.afb.client import open_client
from tests.gateway.site import open_gateway

CHEAP = Cost(ln=10)


def test_the_token_of_a_call_tells_who_an_anonymous_client_is() -> None:
    token = new_token("ann")
    policy = Policy(
        (Rule("ann's", Effect.ALLOW, who=("ann",), commands=("*",)),),
        users={"ann": User(token=str(hash_secret(token, CHEAP)))},
    )
    options = GatewayOptions(access=AccessOptions(anonymous=True))
    with (
        open_gateway("memory://afb-tokens", options, policy=policy) as site,
        open_client(site.address) as client,
    ):
        assert client.fail("agent/ping")[:2] == ("unauthorized", -6)
        assert client.fail("agent/ping", None, "HELLO")[:2] == ("invalid-token", -7)
        assert client.fail("agent/ping", None, token[:-1])[:2] == ("invalid-token", -7)
        assert client.fail("event/subscribe", ".", token)[:2] == ("forbidden", -8)
        assert client.reply(client.ask("agent/ping", None, token))[0] == 3
        # It is for the one call.
        assert client.fail("agent/ping")[:2] == ("unauthorized", -6)


def test_a_client_that_said_who_it_is_needs_no_token() -> None:
    token = new_token("ann")
    policy = Policy(
        default=Effect.ALLOW,
        users={"ann": User(token=str(hash_secret(token, CHEAP)))},
    )
    with open_gateway("memory://afb-user", policy=policy) as site:
        for query, headers in (
            (f"?x-afb-token={token}&uuid=x", {}),
            (f"?token={token}", {}),
            (f"?access_token={token}", {}),
            ("", {"x-afb-token": token}),
            ("", {"Authorization": f"Bearer {token}"}),
        ):
            with open_client(site.address, query, additional_headers=headers) as client:
                frame = client.reply(client.ask("agent/ping", None, "HELLO"))
                assert frame[0] == 3

        with pytest.raises(InvalidStatus) as caught, open_client(site.address):
            pass
        assert caught.value.response.status_code == 401
