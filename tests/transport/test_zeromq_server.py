"""Starting an embedded server, finding one, and what is left of it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from clacks_events import ConfigError, ConnectFailed, NobodyListens
from clacks_events.embedded import ensure_server
from clacks_events.transport import open_transport
from clacks_events.transport.base import InboxOptions, Message
from tests.harness.program import Program, run
from tests.harness.waiting import free_port, listening, wait_until
from tests.transport.embedded import SERVER, Serving, opened
from tests.transport.traffic import CONFIRM, Reader, send

FORKING = """
import os, sys
from clacks_events.embedded import ensure_server
server = ensure_server(sys.argv[1])
child = os.fork()
if child == 0:
    if sys.argv[2] == "ends":
        sys.exit(0)
    server.close()
    sys.stdin.read()
    os._exit(0)
if sys.argv[2] == "ends":
    os.waitpid(child, 0)
print("owner", child, flush=True)
sys.stdin.read()
server.close()
print("closed", flush=True)
"""

FORGETFUL = """
import sys
from clacks_events.embedded import ensure_server
ensure_server(sys.argv[1])
print("started", flush=True)
sys.stdin.read()
"""


WITHOUT_PYZMQ = """
import sys
sys.modules["zmq"] = None
from clacks_events import ConfigError, connect
from clacks_events.embedded import ensure_server, make_keys
for use in (ensure_server, lambda: connect("zmq://127.0.0.1:5570"), lambda: make_keys("keys")):
    try:
        use()
    except ConfigError as error:
        print(error)
"""


def works(url: str) -> bool:
    reader = Reader()
    with opened(url) as transport:
        transport.open_inbox(["#"], reader, InboxOptions())
        send(transport, b"1")
        return reader.wait_for(1) == [b"1"]


@pytest.mark.parametrize("count", [2, 8])
def test_of_many_who_start_one_has_the_server(count: int) -> None:
    url = f"zmq://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        racers = [
            stack.enter_context(Program(url, command=(sys.executable, "-c", SERVER)))
            for _ in range(count)
        ]
        for racer in racers:
            racer.wait_for("\n")
        roles = [racer.out.split()[0] for racer in racers]
        assert sorted(roles) == ["guest"] * (count - 1) + ["owner"]
        assert works(url)
        for racer, role in zip(racers, roles, strict=True):
            if role == "guest":
                assert racer.end() == 0
        # Guests that leave take nothing with them.
        assert works(url)


def test_threads_that_race_have_one_server_too() -> None:
    url = f"zmq://127.0.0.1:{free_port()}"
    found = []
    threads = [threading.Thread(target=lambda: found.append(ensure_server(url))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [server.is_owner for server in found].count(True) == 1
    assert {server.url for server in found} == {url}
    for server in found:
        server.close()
    assert not listening(int(url.rpartition(":")[2]))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2"])
def test_any_address_of_this_machine_will_do(host: str) -> None:
    with ensure_server(f"zmq://{host}:0") as server:
        assert server.is_owner
        assert server.port > 0
        assert server.url == f"zmq://{host}:{server.port}"
        assert works(server.url)
        again = ensure_server(server.url)
        assert (again.is_owner, again.port, again.url) == (False, server.port, server.url)
        again.close()
        assert works(server.url)


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::]", "192.0.2.1", "bus.example"])
def test_without_keys_it_is_for_this_machine_only(host: str) -> None:
    with pytest.raises(ConfigError, match="without keys the server is for this machine only"):
        ensure_server(f"zmq://{host}:5570")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("amqp://localhost", "has a zmq:// address"),
        ("zmq://127.0.0.1", "needs a host and a port"),
        ("zmq://:5570", "needs a host and a port"),
        ("zmq://127.0.0.1:5570?hmw=1", "did you mean 'hwm'"),
        ("127.0.0.1:5570", "not a broker URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        ensure_server(url)


def test_a_port_that_something_else_has_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"zmq://127.0.0.1:{other.getsockname()[1]}"
        thread = threading.Thread(target=answer_as_http, args=(other,))
        thread.start()
        with pytest.raises(ConnectFailed, match=f"^{url}: .*Address already in use") as caught:
            ensure_server(url)
        assert caught.value.url == url
    thread.join()


def answer_as_http(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_connecting_where_nobody_listens_fails_at_once_and_says_what_to_do() -> None:
    url = f"zmq://127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(ConnectFailed, match=f"^{url}: nobody listens there; 'clacks-events serve'"):
        open_transport(url)
    # Without the patience that is for a server that is there and says nothing.
    assert time.monotonic() - began < 4


def test_a_host_that_there_is_not_is_told_from_one_where_nobody_listens() -> None:
    with pytest.raises(ConnectFailed, match="no such host"):
        open_transport("zmq://nowhere.invalid:5570")


def test_what_listens_and_says_nothing_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"zmq://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectFailed, match="no answer within 5 s; is it an embedded server"):
            open_transport(url)


def test_without_pyzmq_it_says_what_is_missing() -> None:
    done = run("-c", WITHOUT_PYZMQ, command=(sys.executable,))
    assert done.stdout.splitlines() == ["pyzmq is missing: pip install 'clacks-events[zmq]'"] * 3


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # What zmq itself keeps open for good.
    zmq.Context.instance().term()
    threads, files = threading.active_count(), descriptors()
    server = ensure_server("zmq://127.0.0.1:0")
    assert works(server.url)
    server.close()
    server.close()
    assert threading.active_count() == threads
    assert descriptors() == files
    assert not listening(server.port)
    assert not list(tmp_path.iterdir())
    with ensure_server(server.url) as again:
        assert again.is_owner


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_who_only_wants_that_there_is_a_server_need_not_keep_it() -> None:
    url = f"zmq://127.0.0.1:{free_port()}"
    with Program(url, command=(sys.executable, "-c", FORGETFUL)) as program:
        program.wait_for("started")
        assert works(url)
        assert program.end() == 0
        assert program.err == ""
    assert not listening(int(url.rpartition(":")[2]))


def test_an_owner_that_is_killed_leaves_the_port_to_the_next() -> None:
    server = Serving()
    with server:
        assert works(server.url)
        server.process.kill()
        assert server.wait() == -signal.SIGKILL
        with ensure_server(server.url) as next_one:
            assert next_one.is_owner
            assert works(next_one.url)


def test_a_child_that_is_forked_and_ends_does_no_harm() -> None:
    url = f"zmq://127.0.0.1:{free_port()}"
    with Program(url, "ends", command=(sys.executable, "-c", FORKING)) as program:
        program.wait_for("owner")
        assert works(url)
        assert program.end() == 0
        assert program.out.endswith("closed\n")
        assert program.err == ""


def test_a_child_that_lives_on_does_not_keep_the_port() -> None:
    url = f"zmq://127.0.0.1:{free_port()}"
    with Program(url, "lives", command=(sys.executable, "-c", FORKING)) as program:
        program.wait_for("owner")
        child = int(program.out.split()[1])
        try:
            assert works(url)
            os.kill(program.process.pid, signal.SIGKILL)
            program.process.wait(10)
            with ensure_server(url) as server:
                assert server.is_owner
                assert works(url)
        finally:
            os.kill(child, signal.SIGKILL)


def test_counters_are_true_whenever_they_are_read() -> None:
    with ensure_server("zmq://127.0.0.1:0") as server:
        assert server.counters.clients == 0
        with opened(server.url) as transport:
            assert server.counters.clients == 1
            with pytest.raises(NobodyListens):
                transport.publish(Message(b"1", "Event.A.s"), CONFIRM)
            assert server.counters.published == 1
        wait_until(lambda: server.counters.clients == 0)
        assert (server.counters.lost, server.counters.foreign) == (0, 0)
