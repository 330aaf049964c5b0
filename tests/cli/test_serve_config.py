"""``clacks-events serve --config``: as a service manager runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from clacks_events import AccessDenied, AMQPServiceProxy, EventMaker
from tests.harness.program import ROOT, Program, run
from tests.harness.waiting import free_port

e = EventMaker()
POLICY = """
default = "deny"
[[rules]]
effect = "allow"
commands = ["*"]
publish = ["PhoneStatus"]
"""


def written(directory: Path, *lines: str) -> Path:
    path = directory / "agent.toml"
    path.write_text("\n".join(lines))
    return path


def test_what_the_file_says_is_done(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "policy.toml").write_text(POLICY)
    config = written(
        tmp_path,
        f'listen = "127.0.0.1:{port}"',
        'name = "node-7"',
        'queue = "phones"',
        'policy = "policy.toml"',
    )
    url = f"zmq://127.0.0.1:{port}"
    with Program("serve", "--config", config) as program:
        program.wait_for(f"serving phones at {url}")
        with AMQPServiceProxy(url, agent="phones") as proxy:
            assert proxy.ping()["name"] == "node-7"
            assert proxy.sendEvent(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("x")))
            denied = re.escape("sending the event 'org.clacks.event.UserSession' is not permitted")
            with pytest.raises(AccessDenied, match=f"^{denied}$"):
                proxy.sendEvent(e.UserSession(e.Id("x")))
        assert program.end(signal.SIGTERM) == 0


def test_the_command_line_goes_before_the_file(tmp_path: Path, zmq_url: str) -> None:
    config = written(tmp_path, 'url = "amqp://nobody.invalid"', 'queue = "phones"')
    with Program("serve", "--config", config, "--url", zmq_url, "--agent", "mine") as program:
        program.wait_for(f"serving mine at {zmq_url}")
        assert program.end(signal.SIGTERM) == 0


def test_the_service_manager_is_told(tmp_path: Path, zmq_url: str) -> None:
    door = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(door))
        listening.settimeout(20.0)
        env = {**os.environ, "NOTIFY_SOCKET": str(door)}
        with Program("serve", "--url", zmq_url, env=env) as program:
            told = listening.recv(1000).decode().splitlines()
            assert told == ["READY=1", f"STATUS=serving clacks.agent at {zmq_url}"]
            assert program.end(signal.SIGTERM) == 0
            assert listening.recv(1000) == b"STOPPING=1"


def test_a_mistake_in_the_file_is_named(tmp_path: Path) -> None:
    done = run("serve", "--config", written(tmp_path, "worker = 2"))
    assert done.returncode == 1
    assert (
        "agent.toml: Object contains unknown field `worker`; did you mean workers?" in done.stderr
    )


def test_the_file_of_the_example_is_fit(tmp_path: Path) -> None:
    example = (ROOT / "examples/deploy/agent.toml").read_text()
    port = free_port()
    commented = example.replace('# listen = "127.0.0.1:5570"', f'listen = "127.0.0.1:{port}"')
    assert commented != example
    with Program("serve", "--config", written(tmp_path, commented)) as program:
        program.wait_for(f"serving clacks.agent at zmq://127.0.0.1:{port}")
        assert program.end(signal.SIGTERM) == 0
