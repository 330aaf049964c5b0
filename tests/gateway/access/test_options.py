"""Options: what cannot be meant is said at once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from clacks_events import ConfigError
from clacks_events.agent.policy import Policy, User
from clacks_events.gateway.access import AccessOptions, check_address
from tests.gateway.access.door import POLICY

WIDE = ["0.0.0.0", "::", "", "10.0.0.1", "2001:db8::1", "gateway.example.org", "localhost.lan"]
LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"hosts": ("http://gw",)}, "hosts: 'http://gw' is no NAME or NAME:PORT"),
        ({"hosts": ("*.example.org",)}, "hosts: '\\*.example.org' is no NAME"),
        ({"hosts": ("gw/x",)}, "hosts: 'gw/x'"),
        ({"hosts": ("",)}, "hosts: ''"),
        ({"origins": ("gw.example.org",)}, "origins: 'gw.example.org' is no https://NAME"),
        ({"origins": ("https://gw/",)}, "origins: 'https://gw/'"),
        ({"origins": ("*",)}, "origins: '\\*' is no"),
        ({"origins": ("null",)}, "origins: 'null' is no"),
        ({"proxies": ("proxy.lan",)}, "proxies: 'proxy.lan' is no address and no network"),
        ({"proxies": ("10.0.0.1/8",)}, "proxies: '10.0.0.1/8' is no .*host bits"),
        ({"proxies": ("0.0.0.0/0",)}, "proxies: 0.0.0.0/0 is everybody"),
        ({"proxies": ("::/0",)}, "proxies: ::/0 is everybody"),
        ({"user_header": "X-Remote-User"}, "user_header: X-Remote-User is believed from proxies"),
        ({"user_header": "X Y", "proxies": ("::1",)}, "user_header: 'X Y' is no header"),
        ({"user_header": "", "proxies": ("::1",)}, "user_header: '' is no header"),
        ({"user_header": "Authorization", "proxies": ("::1",)}, "user_header: 'Authorization'"),
        ({"rate": 0}, "rate: a number above 0 is needed, not 0"),
        ({"rate": math.nan}, "rate: a number above 0"),
        ({"burst": -1}, "burst: a number above 0"),
        ({"requests": 0}, "requests: a number above 0"),
        ({"body": 0}, "body: a number above 0"),
        ({"body_timeout": math.inf}, "body_timeout: a number above 0"),
        ({"failures": 0}, "failures: a number above 0"),
        ({"check_timeout": 0}, "check_timeout: a number above 0"),
        ({"clients": 0}, "clients: a number above 0"),
        ({"session_lifetime": 0}, "session_lifetime: a number above 0"),
    ],
)
def test_what_cannot_be_meant(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        AccessOptions(**given)


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_needs_nothing(host: str) -> None:
    assert check_address(host, AccessOptions(), Policy()) is False
    assert check_address(host, AccessOptions(), POLICY) is False


@pytest.mark.parametrize("host", WIDE)
def test_wider_needs_users_with_secrets_or_a_proxy_that_knows_them(host: str) -> None:
    assert check_address(host, AccessOptions(), POLICY) is True
    proxied = AccessOptions(user_header="X-Remote-User", proxies=("10.0.0.1",))
    assert check_address(host, proxied, Policy()) is True
    for options in (AccessOptions(), AccessOptions(anonymous=True, proxies=("10.0.0.1",))):
        with pytest.raises(ConfigError, match="nothing says who may come in"):
            check_address(host, options, Policy(users={"carol": User(("ops",))}))


@pytest.mark.parametrize("key", ["token", "password"])
def test_secrets_have_to_be_hashes(key: str) -> None:
    policy = Policy(users={"alice": User(**{key: "hunter2"})})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"users.alice.{key}: not a hash") as caught:
        check_address("127.0.0.1", AccessOptions(), policy)
    assert "hunter2" not in str(caught.value)
