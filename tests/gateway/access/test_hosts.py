"""By which names the gateway may be called, and whose pages may call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clacks_events.agent.policy import Policy
from clacks_events.gateway.access import AccessOptions
from tests.gateway.access.door import ALICE, POLICY, Door, bearer, open_door, raw

OPEN = Policy()


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with open_door(OPEN) as opened:
        yield opened


@pytest.fixture(scope="module")
def known() -> Iterator[Door]:
    """One that has names and sites of its own."""
    with open_door(
        hosts=("gw.example.org", "other.example.org:8443"),
        origins=("https://app.example.org", "http://app.example.org:3000"),
    ) as opened:
        yield opened


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:1",
        "localhost.:8080",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.1.2.3:65535",
        "[::1]",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]",
    ],
)
def test_loopback_is_called_by_its_names(door: Door, host: str) -> None:
    assert door.name(headers={"Host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "localhost-evil",
        "10.0.0.1",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "[::]",
        "[::2]",
        "[127.0.0.1]",
        "gw.example.org",
    ],
)
def test_a_foreign_host_is_misdirected(door: Door, host: str) -> None:
    response = door.get(headers={"Host": host})
    assert response.status_code == 421
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert (problem["status"], problem["title"]) == (421, "Misdirected Request")
    assert "option hosts" in problem["detail"]


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"Host:\r\n",
        b"Host: localhost\r\nHost: evil.example\r\n",
        b"Host: localhost\r\nHost: localhost\r\n",
        b"Host: localhost, evil.example\r\n",
        b"Host: evil.example@localhost\r\n",
        b"Host: localhost:http\r\n",
        b"Host: localhost/x\r\n",
        b"Host: localhost#\r\n",
        b"Host: localhost evil\r\n",
        b"Host: http://localhost\r\n",
        b"Host: \xff\xfe\r\n",
        b"Host: " + b"a" * 300 + b"\r\n",
    ],
    ids=ascii,
)
def test_what_is_no_host_is_a_bad_request(door: Door, lines: bytes) -> None:
    assert raw(door, b"GET / HTTP/1.1\r\n" + lines + b"\r\n")[0] == 400


def test_an_absolute_target_does_not_replace_the_host(door: Door) -> None:
    head = b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert raw(door, head)[0] == 421


def test_configured_hosts_are_known(known: Door) -> None:
    for host in ("gw.example.org", "GW.example.org:99", "other.example.org:8443", "localhost"):
        assert known.name(headers={**bearer(ALICE), "Host": host}) == "alice"
    for host in ("other.example.org", "other.example.org:8444", "x.gw.example.org"):
        assert known.get(headers={**bearer(ALICE), "Host": host}).status_code == 421


def test_any_host_will_do_where_others_come_in_with_credentials() -> None:
    door = Door(AccessOptions(), POLICY)
    heads = {**bearer(ALICE), "Host": "gateway.lan"}
    assert door.seen_from("10.0.0.9", headers=heads).json()["name"] == "alice"
    # The same gateway, reached by way of loopback: that is what a hostile page would do.
    assert door.seen_from("127.0.0.1", "127.0.0.1", headers=heads).status_code == 421
    named = Door(AccessOptions(hosts=("gw.lan",)), POLICY)
    assert named.seen_from("10.0.0.9", headers=heads).status_code == 421


def test_where_none_are_needed_it_has_to_be_an_address() -> None:
    door = Door(AccessOptions(anonymous=True), POLICY)
    assert door.seen_from("10.0.0.9").json()["name"] is None
    assert door.seen_from("10.0.0.9", headers={"Host": "rebound.example"}).status_code == 421


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_page_of_the_gateway_itself_may_use_it(door: Door, method: str) -> None:
    for host in ("localhost:8080", "127.0.0.1:80", "[::1]:99", "localhost"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert door.ask(method, headers=headers).status_code == 200
        assert door.ask(method, headers={"Host": host, "Sec-Fetch-Site": "none"}).is_success
    assert door.ask(method, headers={"Sec-Fetch-Site": "same-origin"}).is_success


def test_the_port_of_a_scheme_may_be_left_out(door: Door) -> None:
    for host, origin in (
        ("localhost", "http://localhost:80"),
        ("localhost:80", "http://localhost"),
        # TLS in a proxy before it.
        ("localhost", "https://localhost"),
        ("localhost:443", "https://localhost"),
    ):
        assert door.get(headers={"Host": host, "Origin": origin}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost",
        "http://localhost:9090",
        "https://localhost:9090",
        "http://127.0.0.1:8080",
        "http://localhost:8080.evil.example",
        "http://evil.example/http://localhost:8080",
        "http://localhost:8080@evil.example",
        "http://localhost:8080/",
        "http://localhost:8080 http://evil.example",
        "file://",
        "chrome-extension://localhost:8080",
        "//localhost:8080",
        "localhost:8080",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_origins_may_not(door: Door, method: str, origin: str) -> None:
    response = door.ask(method, headers={"Host": "localhost:8080", "Origin": origin})
    assert response.status_code == 403
    assert not any(name.startswith("access-control") for name in response.headers)


def test_two_origins_are_none(door: Door) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    assert raw(door, head + b"\r\n")[0] == 200
    assert raw(door, head + b"Origin: http://localhost\r\n\r\n")[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "strange"])
def test_what_pages_of_other_sites_only_show_is_refused_too(door: Door, site: str) -> None:
    # <img src>, <script src>, a link: without Origin.
    assert door.get(headers={"Sec-Fetch-Site": site}).status_code == 403


def test_credentials_do_not_help_a_page_of_another_site(known: Door) -> None:
    headers = {**bearer(ALICE), "Origin": "https://evil.example"}
    assert known.ask("POST", headers=headers).status_code == 403
    assert known.name(headers=bearer(ALICE)) == "alice"


def test_over_tls_a_page_must_have_come_over_tls() -> None:
    door = Door(AccessOptions(), POLICY)
    for origin, status in (("https://10.0.0.1:8080", 200), ("http://10.0.0.1:8080", 403)):
        headers = {**bearer(ALICE), "Origin": origin}
        response = door.seen_from("10.0.0.9", scheme="https", headers=headers)
        assert response.status_code == status


@pytest.mark.parametrize("origin", ["https://app.example.org", "http://app.example.org:3000"])
def test_configured_origins_may_read_answers(known: Door, origin: str) -> None:
    response = known.get(headers={**bearer(ALICE), "Origin": origin})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers.get_list("vary", split_commas=True) == ["Accept", "Origin"]
    assert "access-control-allow-credentials" not in response.headers
    refused = known.get(headers={"Origin": origin})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin


def test_other_origins_are_told_nothing(known: Door) -> None:
    for origin in (
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://x.app.example.org",
        "https://app.example.org.evil.example",
        "null",
    ):
        response = known.get(headers={**bearer(ALICE), "Origin": origin})
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers
        assert response.headers["vary"] == "Origin"
    own = known.get(headers=bearer(ALICE))
    assert "access-control-allow-origin" not in own.headers
    assert "Origin" in own.headers["vary"]


def test_a_browser_may_ask_whether_it_may_ask(known: Door, door: Door) -> None:
    asks = {
        "Origin": "https://app.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    response = known.ask("OPTIONS", "/events", headers=asks)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "Authorization" in response.headers["access-control-allow-headers"]
    evil = {**asks, "Origin": "https://evil.example"}
    for asked in (known, door):
        assert asked.ask("OPTIONS", "/events", headers=evil).status_code == 403
    # Only the question is answered without credentials.
    assert known.ask("OPTIONS", "/events", headers={"Origin": asks["Origin"]}).status_code == 401


def test_probes_are_answered_whatever_the_host() -> None:
    with open_door() as door:
        for path in ("/healthz", "/readyz"):
            for method in ("GET", "HEAD"):
                assert door.ask(method, path, headers={"Host": "10.1.2.3"}).status_code == 200
            assert door.ask("POST", path, content=b"x").status_code == 401
            assert door.ask("POST", path, headers={"Host": "10.1.2.3"}).status_code == 421
        for path in ("/healthz/", "/healthz/../types", "/HEALTHZ", "//healthz", "/metrics"):
            assert door.get(path).status_code == 401
