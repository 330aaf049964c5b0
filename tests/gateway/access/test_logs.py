"""What is logged of refusals, and that no secret is anywhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from clacks_events.agent.policy import Policy
from clacks_events.gateway.access import Principal, TokenFilter
from clacks_events.gateway.access.claims import claim_of
from clacks_events.gateway.access.refusal import RefusalLog, Refused
from tests.gateway.access.door import ALICE, PASSWORD, basic, bearer, open_door, refusals

LOG = "clacks_events.gateway.access.refusal"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


def test_a_refusal_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with open_door(Policy()) as door:
        door.get(headers={"Host": "evil.example"})
    assert refusals(caplog) == [
        "refused 127.0.0.1 with 421: 'evil.example' is not a host of this gateway; see the option"
        " hosts"
    ]


def test_a_client_is_logged_once_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = RefusalLog(10, clock)
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1"):
        log.tell(address, Refused(401, "why"))
    assert refusals(caplog) == ["refused 10.0.0.1 with 401: why", "refused 10.0.0.2 with 401: why"]
    caplog.clear()
    clock.now += 60.0
    log.tell("10.0.0.1", Refused(403, "what"))
    log.tell("10.0.0.1", Refused(403, "what"))
    assert refusals(caplog) == ["refused 10.0.0.1 with 403: what (2 more before)"]


def test_how_many_are_told_apart_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(2, Clock())
    for number in (1, 2, 1, 2, 3, 3, 2, 1):
        log.tell(f"10.0.0.{number}", Refused(401, "why"))
    assert [line.split()[1] for line in refusals(caplog)] == [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.1",
    ]


def test_what_clients_write_makes_no_lines(caplog: pytest.LogCaptureFixture) -> None:
    with open_door(Policy()) as door:
        door.get(headers={"Origin": b"http://\x85\x9b2Jevil" + b"x" * 5000})
    (line,) = refusals(caplog)
    assert line.isprintable()
    assert len(line) < 200


@pytest.fixture
def filtered() -> Iterator[None]:
    """The loggers of the server, with the filter."""
    loggers = [logging.getLogger(name) for name in ("uvicorn.access", "uvicorn.error")]
    made = TokenFilter()
    for logger in loggers:
        logger.addFilter(made)
    yield
    for logger in loggers:
        logger.removeFilter(made)


@pytest.mark.usefixtures("filtered")
def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    secret = "hunter2hunter2"
    right = (bearer(ALICE), basic("alice", PASSWORD), {"X-SessionToken": ALICE})
    with open_door(access_log=True, failures=100) as door:
        for headers in right:
            assert door.get(headers=headers).status_code == 200
        for headers in (basic("alice", secret), bearer(f"YWxpY2U.{secret}"), bearer(secret)):
            assert door.get(headers=headers).status_code == 401
        for path in ("/events", "/types"):
            door.get(f"{path}?query=q&token={ALICE}")
            door.get(f"{path}?access_token=YWxpY2U.{secret}&%74oken={secret}")
        url = f"ws://127.0.0.1:{door.port}/api"
        for query, headers in ((f"?x-afb-token={ALICE}", {}), *(("", each) for each in right)):
            with connect(url + query, additional_headers=headers, proxy=None) as socket:
                assert "alice" in str(socket.recv(timeout=20))
    # The client's log is its own affair.
    own = [each for each in caplog.records if each.name.startswith(("clacks", "uvicorn"))]
    lines = "\n".join(record.getMessage() for record in own)
    for expected in ("GET /events?query=q HTTP", "WebSocket /api", "refused 127.0.0.1 with 401"):
        assert expected in lines
    code = basic("alice", PASSWORD)["Authorization"].partition(" ")[2]
    for forbidden in (ALICE, ALICE.partition(".")[2], PASSWORD, code, secret, "$scrypt"):
        assert forbidden not in lines


def test_an_access_log_needs_no_filter(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), open_door(access_log=True) as door:
        assert door.get(f"/events?token={ALICE}&query=q").status_code == 200
        assert door.get("/events?token=hunter2&query=q").status_code == 401
        with connect(f"ws://127.0.0.1:{door.port}/api?token={ALICE}", proxy=None) as socket:
            socket.recv(timeout=20)
    lines = [each.getMessage() for each in caplog.records if each.name.startswith("uvicorn")]
    assert sum("GET /events?query=q HTTP" in line for line in lines) == 2
    assert not any(ALICE in line or "hunter2" in line for line in lines)


def test_claims_do_not_show_their_secret() -> None:
    claim = claim_of({b"authorization": f"Bearer {ALICE}".encode()}, None)
    assert ALICE not in repr(claim)
    assert claim is not None
    assert (claim.user, claim.secret) == ("alice", ALICE)


def test_principals_are_plain() -> None:
    assert repr(Principal("alice", "user alice")) == (
        "Principal(name='alice', client='user alice', groups=())"
    )


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/api?token=s3cret", "/api?"),
        ("/api?a=1&token=s3cret&b=2", "/api?a=1&b=2"),
        ("/api?x-afb-token=s3cret&access_token=s3cret&x-afb-uuid=u", "/api?x-afb-uuid=u"),
        ("/api?%74%6fken=s3cret&ACCESS_TOKEN=s3cret&a", "/api?a"),
        ("/api?a=token&tokens=1", "/api?a=token&tokens=1"),
        ("/api", "/api"),
        ("/\udcff?token=s3cret&\udcff=1", "/\udcff?\udcff=1"),
    ],
)
def test_the_filter_takes_tokens_out_of_lines(path: str, clean: str) -> None:
    record = logging.LogRecord("x", 20, "f", 1, "%s %s %d", ("GET", path, 200), None)
    assert TokenFilter().filter(record)
    assert record.getMessage() == f"GET {clean} 200"
    record = logging.LogRecord("x", 20, "f", 1, "%(path)s", ({"path": path},), None)
    assert TokenFilter().filter(record)
    assert record.getMessage() == clean
