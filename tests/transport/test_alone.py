"""Work queues that one server has alone, on every transport."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from clacks_events import NameTaken, NobodyListens
from clacks_events.transport.base import InboxOptions, Message, Request, Served, Transport
from tests.harness.waiting import wait_until
from tests.transport.conftest import OpenTransport
from tests.transport.traffic import Reader, echo, send


def ask(client: Transport, body: bytes = b"a", queue: str = "work") -> bytes:
    return client.request(queue, Message(body), 10.0, alone=True).result(10.0)


def answer(body: bytes) -> Callable[[Request], None]:
    def serve(request: Request) -> None:
        request.accept()
        request.reply(body)

    return serve


def test_who_serves_alone_answers(connected: OpenTransport) -> None:
    client, server = connected(), connected()
    server.serve("work", echo, alone=True)
    server.serve("other", answer(b"other"), alone=True)
    answers = [client.request("work", Message(b"a%d" % n), 10.0, alone=True) for n in range(50)]
    assert ask(client, queue="other") == b"other"
    assert [answer.result(10.0) for answer in answers] == [b"A%d" % n for n in range(50)]
    assert ask(server) == b"A"


@pytest.mark.parametrize("is_same", [True, False], ids=["same transport", "other transport"])
@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_nobody_shares_with_who_serves_alone(
    connected: OpenTransport, is_same: bool, first: bool, second: bool
) -> None:
    server, client, reader = connected(), connected(), Reader()
    late = server if is_same else connected()
    late.open_inbox(["#"], reader, InboxOptions())
    late.serve("else", answer(b"else"))
    server.serve("work", answer(b"first"), alone=first)
    for _ in range(2):
        with pytest.raises(NameTaken, match="work is served already"):
            late.serve("work", answer(b"second"), alone=second)
    # Who was refused goes on with all else, and so does who was first.
    send(client, b"event")
    assert reader.wait_for(1) == [b"event"]
    assert client.request("else", Message(b""), 10.0).result(10.0) == b"else"
    assert {ask(client) for _ in range(5)} == {b"first"}
    assert late.counters.reconnects == server.counters.reconnects == 0


@pytest.mark.parametrize("is_same", [True, False], ids=["same transport", "other transport"])
@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_who_closes_frees_the_name_at_once(
    connected: OpenTransport, is_same: bool, first: bool, second: bool
) -> None:
    server, client = connected(), connected()
    successor = server if is_same else connected()
    for number in range(5):
        served = server.serve("work", answer(b"1 %d" % number), alone=first)
        assert ask(client) == b"1 %d" % number
        served.close()
        served.close()
        again = successor.serve("work", answer(b"2 %d" % number), alone=second)
        served.close()
        assert ask(client) == b"2 %d" % number
        again.close()


def test_closing_the_transport_frees_the_name_at_once(connected: OpenTransport) -> None:
    client = connected()
    for number in range(3):
        server = connected()
        served = server.serve("work", answer(b"%d" % number), alone=True)
        assert ask(client) == b"%d" % number
        server.close()
        served.close()


def test_who_is_called_can_stop_serving(connected: OpenTransport) -> None:
    client, server = connected(), connected()
    served: list[Served] = []

    def last(request: Request) -> None:
        served[0].close()
        answer(b"last")(request)

    served.append(server.serve("work", last, alone=True))
    assert ask(client) == b"last"
    successor = connected()
    wait_until(lambda: takes_over(successor))
    assert ask(client) == b"A"


def takes_over(server: Transport) -> bool:
    try:
        server.serve("work", echo, alone=True)
    except NameTaken:
        return False
    return True


def test_of_many_who_want_a_name_one_gets_it(connected: OpenTransport) -> None:
    transports = [connected() for _ in range(4)]
    numbers = count()

    def take(transport: Transport) -> Served | None:
        try:
            return transport.serve("work", answer(b"%d" % next(numbers)), alone=True)
        except NameTaken:
            return None

    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            winners = [served for served in pool.map(take, transports * 2) if served]
            assert len(winners) == 1
            winners[0].close()


def test_a_call_to_a_name_that_nobody_has_fails_at_once(connected: OpenTransport) -> None:
    client, server = connected(), connected()
    with pytest.raises(NobodyListens, match="nobody serves work"):
        client.request("work", Message(b""), 60.0, alone=True).result(10.0)
    served = server.serve("work", echo, alone=True)
    assert ask(client) == b"A"
    served.close()
    answers = [client.request("work", Message(b""), 60.0, alone=True) for _ in range(10)]
    server.serve("else", echo, alone=True)
    assert ask(client, b"else", "else") == b"ELSE"
    for failed in answers:
        with pytest.raises(NobodyListens):
            failed.result(10.0)


def test_a_call_that_could_wait_reaches_who_serves_alone(connected: OpenTransport) -> None:
    client, server = connected(), connected()
    server.serve("work", echo, alone=True)
    for transport in (client, server):
        answers = [transport.request("work", Message(b"a"), 10.0) for _ in range(3)]
        assert [answer.result(10.0) for answer in answers] == [b"A"] * 3
        assert transport.counters.reconnects == 0


def test_an_early_call_does_not_keep_the_name_from_anybody(connected: OpenTransport) -> None:
    client = connected()
    client.request("work", Message(b"early"), 0.1)
    connected().serve("work", echo, alone=True)
    assert ask(client) == b"A"
