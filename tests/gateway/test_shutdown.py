"""``clacks-events serve --http``: how it begins, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from clacks_events.agent.secrets import Cost, hash_secret
from tests.gateway.afb.client import Client, open_client
from tests.gateway.process import HERE, serving
from tests.gateway.site import Site, open_gateway
from tests.gateway.wire import Wire
from tests.harness.certificates import Certificates
from tests.harness.program import run
from tests.harness.waiting import wait_until

XML = (
    '<PhoneStatus xmlns="http://www.gonicus.de/Events"><CallerId>1</CallerId>'
    "<ReceiverId>2</ReceiverId><Status>busy</Status></PhoneStatus>"
)
END = b"\r\n0\r\n\r\n"


def rpc(url: str, method: str, params: dict[str, Any] | None = None) -> Any:
    """Make a call of the Xerus event service and return its result."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return httpx.post(url, json=body, timeout=60.0).raise_for_status().json()["result"]


def has_waiting_poll(url: str) -> bool:
    return "\nclacks_polls_waiting 1.0\n" in httpx.get(f"{url}/metrics").text


def test_polls_streams_and_sockets_end_with_a_word(url: str) -> None:
    with serving("--url", url, "--http", HERE) as (program, at), ThreadPoolExecutor(1) as pool:
        address = at.removeprefix("http://")
        channel = rpc(f"{at}/eventservice", "createChannel")["_ret_"]["rid"]
        poll = pool.submit(rpc, f"{at}{channel}", "pollEvents")
        with Wire(address) as wire, open_client(address) as client:
            wire.get("/events")
            wire.read_until(b"retry: ")
            client.call("event/subscribe", "*/*")
            wait_until(lambda: has_waiting_poll(at))
            program.process.send_signal(signal.SIGTERM)
            assert poll.result(30) == {"_ret_": False, "events": []}
            assert wire.read_until(END).endswith(b"\nretry: 2000\n\n\r\n0\r\n\r\n")
            assert wire.is_over()
            assert client.closed() == (1001, "the gateway ends")
        assert program.wait() == 0, program.report()
        assert program.err.splitlines()[-1].startswith("leaving")
        assert "Traceback" not in program.err


def test_what_came_before_the_end_is_still_delivered() -> None:
    with open_gateway("memory://before") as site, Wire(site.address) as wire:
        wire.get("/events?type=PhoneStatus")
        wire.read_until(b"retry: ")
        # In this process: what is published has arrived.
        sent = [site.bus.publish(XML).id for _ in range(200)]
        site.gateway.close()
        said = wire.read_until(END).decode()
        assert re.findall(r"^id: (.*)$", said, re.MULTILINE) == sent
        assert said.endswith("\nretry: 2000\n\n\r\n0\r\n\r\n")


@contextmanager
def ending_slowly() -> Iterator[tuple[Site, Client, Callable[[], None]]]:
    """A gateway that ends, a client whose call holds it up, and what lets the call be done."""
    with open_gateway("memory://ending") as site:
        begun, finish = threading.Event(), threading.Event()

        @site.agent.command
        def slow() -> str:
            begun.set()
            finish.wait(30)
            return "done"

        with Wire(site.address) as wire, open_client(site.address) as client:
            wire.get("/events")
            wire.read_until(b"retry: ")
            client.ask("agent/slow", [])
            assert begun.wait(20)
            ending = threading.Thread(target=site.gateway.close)
            ending.start()
            try:
                wire.read_until(END)
                yield site, client, finish.set
            finally:
                finish.set()
                ending.join()


def test_a_call_that_runs_is_answered_before_the_end() -> None:
    with ending_slowly() as (_, client, finish):
        finish()
        assert client.reply("1")[2]["response"] == "done"
        assert client.closed() == (1001, "the gateway ends")


def test_who_comes_while_it_ends_does_not_wait() -> None:
    with ending_slowly() as (site, client, finish):
        with suppress(ConnectionRefusedError), Wire(site.address) as wire:
            wire.get("/events")
            assert b"retry: " in wire.read_until(END)
        finish()
        assert client.reply("1")[2]["response"] == "done"


def test_a_second_signal_ends_it_at_once(amqp_url: str) -> None:
    with serving("--url", amqp_url, "--http", HERE) as (program, at):
        with Wire(at.removeprefix("http://")) as wire:
            # Half a request, for which it waits a while.
            wire.send(b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
            wire.send(b"Content-Type: application/xml\r\n\r\n")
            httpx.get(f"{at}/healthz")
            program.process.send_signal(signal.SIGTERM)
            program.wait_for("leaving")
            assert program.end(signal.SIGTERM) == -signal.SIGTERM
        assert "Traceback" not in program.err


def refused(*arguments: str | Path) -> str:
    """Return what a gateway says that cannot be started."""
    done = run("serve", "--url", "memory://refused", *arguments)
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_a_port_that_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused("--http", address)
        assert said == f"clacks-events: cannot listen on {address}: Address already in use"


@pytest.mark.parametrize("address", ["8080", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ""])
def test_what_is_no_address(address: str) -> None:
    assert "HOST:PORT" in refused("--http", address)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_an_address_for_others_needs_users(address: str) -> None:
    said = refused("--http", address)
    assert "nothing says who may come in" in said
    assert "token" in said


def test_an_address_for_others_with_users(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    secret = hash_secret("secret", Cost(10, 1, 1))
    policy.write_text(f'default = "allow"\n[users.alice]\npassword = "{secret}"\n')
    arguments = ("--url", "memory://wide", "--http", "0.0.0.0:0", "--policy", policy)
    with serving(*arguments) as (program, at):
        assert httpx.get(f"{at}/types").status_code == 401
        assert httpx.get(f"{at}/types", auth=("alice", "wrong")).status_code == 401
        assert httpx.get(f"{at}/types", auth=("alice", "secret")).status_code == 200
        assert program.end(signal.SIGTERM) == 0


def config(directory: Path, gateway: str = "", more: str = f'http = "{HERE}"') -> Path:
    """Write an agent.toml with a table of the gateway."""
    path = directory / "agent.toml"
    path.write_text(f'url = "memory://settings"\n{more}\n[gateway]\n{gateway}\n')
    return path


def test_a_file_says_how_it_runs(tmp_path: Path) -> None:
    path = config(tmp_path, 'hosts = ["bus.example"]\nbody = 50\nstreams = 1\nheartbeat = 0.05')
    with serving("--config", path) as (program, at):
        named = {"Host": "bus.example"}
        assert httpx.get(f"{at}/types", headers=named).status_code == 200
        assert httpx.get(f"{at}/types", headers={"Host": "evil.example"}).status_code == 421
        xml = {"Content-Type": "application/xml"}
        assert httpx.post(f"{at}/events", content=b"x" * 51, headers=xml).status_code == 413
        with Wire(at.removeprefix("http://")) as wire:
            wire.get("/events")
            wire.read_until(b":\n\n")
            assert httpx.get(f"{at}/events").status_code == 429
        assert program.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("gateway", "reason"),
    [
        ("heartbeet = 1", "did you mean heartbeat?"),
        ('heartbeat = "often"', "gateway.heartbeat"),
        ("streams = 0", "gateway.streams"),
        ('origins = ["*"]', "origins: '*' is no https://NAME"),
        ('hosts = ["*.example"]', "hosts: '*.example' is no NAME"),
        ('user_header = "X-User"', "set proxies"),
        ('proxies = ["everybody"]', "proxies: 'everybody' is no address"),
        ('certificate = "here.pem"', "gateway.private_key"),
        ('private_key = "here.key"', "gateway.certificate"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, gateway: str, reason: str) -> None:
    done = run("serve", "--config", config(tmp_path, gateway))
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_gateway_without_an_address(tmp_path: Path) -> None:
    done = run("serve", "--config", config(tmp_path, "streams = 1", more=""))
    assert done.returncode == 1
    assert 'http = "HOST:PORT"' in done.stderr.splitlines()[-1]


def test_tls(tmp_path: Path, certificates: Certificates) -> None:
    own = certificates.server
    path = config(tmp_path, f'certificate = "{own.cert_file}"\nprivate_key = "{own.key_file}"')
    trusting = ssl.create_default_context(cafile=str(certificates.ca_file))
    with serving("--config", path) as (program, at):
        assert at.startswith("https://127.0.0.1:")
        with httpx.Client(verify=trusting) as client:
            assert client.get(f"{at}/healthz").status_code == 200
            # A page of the same name is of another site unless it came through TLS as well.
            for scheme, status in (("https", 200), ("http", 403)):
                origin = {"Origin": at.replace("https", scheme)}
                assert client.get(f"{at}/types", headers=origin).status_code == status
            with client.stream("GET", f"{at}/events") as stream:
                said = stream.iter_text()
                assert next(said).startswith("retry: ")
                program.process.send_signal(signal.SIGTERM)
                assert "".join(said).endswith("retry: 2000\n\n")
        assert program.wait() == 0
        assert "Traceback" not in program.err


def test_tls_files_that_cannot_be_used(tmp_path: Path, certificates: Certificates) -> None:
    own, other = certificates.server, certificates.client
    for certificate, key in (
        (own.cert_file, tmp_path / "missing"),
        (tmp_path / "missing", own.key_file),
        (own.cert_file, other.key_file),
        (own.key_file, own.cert_file),
    ):
        path = config(tmp_path, f'certificate = "{certificate}"\nprivate_key = "{key}"')
        done = run("serve", "--config", path)
        assert done.returncode == 1
        said = done.stderr.splitlines()[-1]
        assert said.startswith(f"clacks-events: cannot use the certificate {certificate}")
        assert str(key) in said
        assert "Traceback" not in done.stderr
