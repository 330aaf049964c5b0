"""Broker URLs."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events.config import BusOptions, Endpoint, parse_url
from clacks_events.errors import ConfigError

SECRET = "s3cret!"


def test_all_parts() -> None:
    url = parse_url("amqps://me:s3cret!@broker.example:5671/events?verify=verify_peer&heartbeat=5")
    assert url == Endpoint(
        scheme="amqps",
        user="me",
        password=SECRET,
        host="broker.example",
        port=5671,
        path="events",
        options={"verify": "verify_peer", "heartbeat": "5"},
    )


def test_every_part_is_percent_decoded() -> None:
    url = parse_url("AMQP://m%40e:p%2Fw%3A%23%40@h%6Fst/a%2Fb%40c?cacertfile=%2Fetc%2Fca+1.pem")
    assert (url.scheme, url.user, url.password) == ("amqp", "m@e", "p/w:#@")
    assert (url.host, url.path) == ("host", "a/b@c")
    assert url.options == {"cacertfile": "/etc/ca 1.pem"}


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("amqp://", "", None, ""),
        ("amqp://host", "host", None, ""),
        ("amqp://host/", "host", None, ""),
        ("amqp://host/%2F", "host", None, "/"),
        ("amqp://host/%2f", "host", None, "/"),
        ("amqp://host:/v", "host", None, "v"),
        ("amqp://:10000", "", 10000, ""),
        ("amqp://[::1]:5672/v", "::1", 5672, "v"),
        ("amqp://u:p@[2001:db8::1]", "2001:db8::1", None, ""),
        ("memory://", "", None, ""),
        ("memory://Name", "name", None, ""),
        ("zmq://localhost:4000", "localhost", 4000, ""),
    ],
)
def test_hosts_and_paths(text: str, host: str, port: int | None, path: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.path) == (host, port, path)
    assert url.options == {}


@pytest.mark.parametrize("password", [SECRET, "", "ä ö", "%", "p:p", "a/b?c#d@e[f]"])
def test_an_encoded_password_comes_back(password: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in password.encode())
    assert parse_url(f"amqp://me:{quoted}@host/v").password == password


def test_a_raw_at_sign_in_the_password_is_understood() -> None:
    url = parse_url("amqp://me:a@s3cret!@host")
    assert (url.user, url.password, url.host) == ("me", "a@s3cret!", "host")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://me:s3cret!@host:1/a%2Fb?x=s3cret!", "amqp://me@host:1/a%2Fb"),
        ("amqp://host", "amqp://host"),
        ("amqp://m%40e:s3cret!@[::1]:1", "amqp://m%40e@[::1]:1"),
        ("amqp://:s3cret!@host", "amqp://host"),
    ],
)
def test_what_may_be_shown(text: str, shown: str) -> None:
    url = parse_url(text)
    assert url.redacted == shown
    if "x=" not in text:
        assert SECRET not in repr(url)


BROKEN = [
    SECRET,
    "me:s3cret!@host",
    "amqp//me:s3cret!@host",
    "amqp:/me:s3cret!@host",
    "me:s3cret!@host://",
    "me:s3cret!@amqp://host",
    "s3cret!://host",
    "://s3cret!",
    "amqp://me:s3cret!",
    "amqp://me:s3cret!@host:port",
    "amqp://me:s3cret!@host:s3cret!",
    "amqp://me:s3cret!@host:99999",
    "amqp://me:s3cret!@host:-1",
    "amqp://me:s3cret!@[::1",
    "amqp://me:s3cret!@[host]",
    "amqp://me:[s3cret!]@host",
    "amqp://me:/s3cret!@host",
    "amqp://me:s3cret!/@host",
    "amqp://me:12/s3cret!@host",
    "amqp://me:#s3cret!@host",
    "amqp://me:12#s3cret!@host",
    "amqp://me:12?s3cret!@host",
    "amqp://me:12?s3cret!&x@host",
    "amqp://me:12?x=s3cret!@host",
    "amqp://me@s3cret!@host",
    "amqp://me:s3cret!@host/v#",
    "amqp://me:s3cret!@host/v#x",
    "amqp://me:s3cret!%FF@host",
    "amqp://me:s3cret!@ho\u2100st",
    "amqp://host?s3cret!=1",
]


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("text", BROKEN)
def test_malformed_urls_never_show_the_password(text: str) -> None:
    try:
        url = parse_url(text)
        url.check_options(())
    except ConfigError as error:
        # The traceback quotes source lines, but no values of this test.
        seen: BaseException | None = error
        while seen is not None:
            assert SECRET not in str(seen)
            seen = seen.__cause__ or seen.__context__
    else:
        assert text.endswith("#"), "not refused"
        assert SECRET not in url.redacted + repr(url)


@given(
    st.lists(
        st.sampled_from(["amqp", "://", "me", ":", "@", "/", "?", "#", "[", "]", "%", "12", "℀"])
    ).map("".join)
)
def test_any_text_is_an_endpoint_or_a_config_error(text: str) -> None:
    try:
        url = parse_url(text)
    except ConfigError as error:
        assert error.__context__ is None  # noqa: PT017  # both outcomes are right
    else:
        assert url.redacted.startswith(f"{url.scheme}://")


def test_the_error_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"%-encoded.*# as %23"):
        parse_url("amqp://me:a#b@host")
    with pytest.raises(ConfigError, match="amqp://host/vhost"):
        parse_url("localhost")


def test_unknown_options_are_refused_with_a_near_match() -> None:
    url = parse_url("amqp://me:s3cret!@host?hartbeat=5")
    with pytest.raises(ConfigError, match=r"'hartbeat'.*did you mean 'heartbeat'") as caught:
        url.check_options(("heartbeat", "verify"))
    assert SECRET not in _shown(caught.value)
    with pytest.raises(ConfigError, match="known: verify"):
        url.check_options(("verify",))
    url.check_options(("hartbeat",))


def test_options_of_a_bus_have_defaults() -> None:
    options = BusOptions()
    assert options.max_size == 10_000_000
    assert options.check_incoming
    assert options.watch_schemas
