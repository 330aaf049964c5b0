"""``clacks-events who``: nodes, clients and senders, once and live."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from clacks_events.agent.client import ClientProfile
from clacks_events.agent.membership import Capabilities
from clacks_events.rpc import DEFAULT_QUEUE
from clacks_events.transport.base import Request
from tests.agent.site import PROFILE, Site
from tests.cli.conftest import Main
from tests.harness.program import COMMAND, TIMEOUT, Program, environment
from tests.harness.waiting import wait_until

QUICK = ("--wait", "0.3")


@pytest.fixture
def rack(url: str) -> Iterator[Site]:
    with Site(url, "rack") as site:
        yield site


between_processes = pytest.mark.parametrize("url", ["zmq", "amqp"], indirect=True)


def agent(site: Site, known: Mapping[str, Any], queue: str = DEFAULT_QUEUE) -> None:
    """Answer calls by what is known."""

    def answer(request: Request) -> None:
        call = json.loads(request.message.body)
        request.accept()
        done = {"jsonrpc": "2.0", "id": call["id"], "result": known[call["method"]]}
        request.reply(json.dumps(done).encode())

    site.bus.transport.serve(queue, answer)


def test_who_is_there_is_printed_once(rack: Site, url: str, invoke: Main) -> None:
    rack.node("node-7", interval=0.1)
    rack.client(poll_delay=(0.0, 0.01))
    rack.client(ClientProfile("bare", "a-pc", (), PROFILE.devices), poll_delay=(0.0, 0.01))
    pbx = rack.bus.sender("pbx", types=["PhoneStatus"], methods={"ring": lambda: None})
    # Nobody answers calls: the clients are asked, the node is heard.
    code, out, err = invoke("who", "--url", url, "--once", "--wait", "1.5")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["node", "load", "latency", "workers", "methods", "seen"]
    assert lines[1][:2] == ["node-7", "25%"]
    assert lines[1][3:6] == ["ms", "2", "1"]
    assert lines[3] == ["client", "id", "address", "methods", "seen"]
    assert [line[:4] for line in lines[4:6]] == [
        ["a-pc", "bare", "10.0.0.7", "0"],
        ["pc-7", "b7d0", "10.0.0.7", "1"],
    ]
    assert lines[7:] == [
        ["sender", "on", "types", "methods"],
        ["pbx", "rack", "PhoneStatus", "ring"],
    ]
    pbx.close()


def test_an_agent_is_asked_first(rack: Site, url: str, invoke: Main) -> None:
    rack.node("node-7")
    rack.client()
    rack.roster.wait_for("b7d0", 10.0)
    wait_until(lambda: rack.roster.nodes()[0].load is not None)
    agent(rack, {f"get{name.title()}": told for name, told in rack.roster.as_json().items()})
    polls = rack.bus.subscribe(types=["ClientPoll"])
    code, out, err = invoke("who", "--url", url, "--once", "--json", "--wait", "10")
    assert (code, err, out.count("\n")) == (0, "", 1)
    there = json.loads(out)
    (node,), (client,) = there["nodes"], there["clients"]
    assert (node["id"], node["load"], node["methods"][0]["name"]) == ("node-7", 0.25, "addUser")
    assert (client["name"], client["methods"][0]["signature"]) == ("pc-7", "command")
    assert client["devices"][0]["mac"] == "02:00:00:00:00:07"
    assert there["senders"] == []
    # The clients were left in peace.
    rack.bus.publish(rack.bus.catalog.sample("ClientPoll"), headers={"last": True})
    assert polls.get(timeout=10.0).headers == {"last": True}


def test_an_agent_of_another_name_can_be_asked(invoke: Main) -> None:
    with Site("memory://other", "rack") as site:
        told = {"id": "n", "state": "announced", "last_seen": "2026-01-01T00:00:00Z"}
        agent(site, {"getNodes": [told], "getClients": []}, "mine")
        code, out, err = invoke(
            "who", "--url", "memory://other", "--once", "--agent", "mine", *QUICK
        )
        assert (code, err) == (0, "")
        # It is known to be there and nothing more.
        assert out.splitlines()[1].split()[:5] == ["n", "-", "-", "-", "-"]


def test_an_agent_that_answers_nonsense_is_told_of(invoke: Main) -> None:
    with Site("memory://odd", "rack") as site:
        agent(site, {"getNodes": {"x": 1}, "getClients": []})
        code, out, err = invoke("who", "--url", "memory://odd", "--once", *QUICK)
        assert code == 0
        assert out.startswith("node ")
        assert "not a list of NodeInfo: expected an array, got dict" in err


@contextmanager
def who(url: str, *arguments: str) -> Iterator[Program]:
    with Program("who", "--url", url, *QUICK, *arguments) as program:
        program.wait_for("watching")
        yield program


@between_processes
def test_changes_are_lines(rack: Site, url: str) -> None:
    there = rack.bus.sender("there", types=["PhoneStatus"])
    with who(url) as program:
        program.wait_for(" sender there announced: PhoneStatus, 0 methods\n")
        node = rack.node("node-7", interval=0.05)
        program.wait_for(" node node-7 announced: it has not told what it offers\n")
        program.wait_for(" node node-7 changed: 1 method\n")
        client = rack.client()
        program.wait_for(" client pc-7 b7d0 changed: 1 method\n")
        node.close()
        program.wait_for(" node node-7 left: closed\n")
        client.close()
        program.wait_for(" client pc-7 b7d0 left: closed\n")
        there.close()
        program.wait_for(" sender there left: closed\n")
        assert program.end(signal.SIGINT) == 130
        assert program.err == "watching; Ctrl-C ends\n"
        assert "reported" not in program.out


@between_processes
def test_changes_are_json_lines(rack: Site, url: str) -> None:
    with who(url, "--json") as program:
        rack.client().close()
        rack.bus.sender("pbx", types=["PhoneStatus"]).close()
        program.wait_for('"reason": "closed", "sender"')
        assert program.end(signal.SIGTERM) == 130
        told = [json.loads(line) for line in program.out.splitlines()]
    clients = [line for line in told if line["what"] == "client"]
    assert [line["change"] for line in clients] == ["announced", "changed", "left"]
    assert clients[1]["client"]["methods"][0]["name"] == "run"
    assert clients[2]["reason"] == "closed"
    senders = [line for line in told if line["what"] == "sender"]
    assert [line["change"] for line in senders] == ["announced", "left"]
    assert senders[0]["sender"]["types"] == ["{http://www.gonicus.de/Events}PhoneStatus"]


def test_it_ends_when_its_reader_does(zmq_url: str) -> None:
    read, write = os.pipe()
    with Program("who", "--url", zmq_url, *QUICK, stdout=write) as program:
        os.close(write)
        program.wait_for("watching")
        os.close(read)
        assert program.wait() == 141


@contextmanager
def on_terminal(url: str, **env: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "who", "--url", url, *QUICK],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment({"LINES": "12", "COLUMNS": "60", **env}),
    )
    os.close(theirs)
    with process:
        try:
            yield ours, process
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, wanted: bytes) -> bytes:
    output = b""
    while wanted not in output:
        ready, _, _ = select.select([terminal], [], [], TIMEOUT)
        assert ready, output
        output += os.read(terminal, 65536)
    return output


def test_a_terminal_has_a_table_that_is_kept_up_to_date(zmq_url: str) -> None:
    with Site(zmq_url, "rack") as rack, on_terminal(zmq_url) as (terminal, process):
        read_until(terminal, b"sender  on  types  methods")
        node = rack.node("node-\x9b7", interval=0.1)
        picture = read_until(terminal, b"25%").decode()
        assert "\x9b" not in picture
        assert "node-\N{REPLACEMENT CHARACTER}7  25%" in picture
        assert picture.count("\x1b[H") >= 1
        for number in range(20):
            rack.client(ClientProfile(f"id-{number}", "x" * 80, (), PROFILE.devices))
        crowded = read_until(terminal, b"lines more").decode()
        last = crowded.rpartition("\x1b[H")[2]
        assert max(map(len, last.split("\x1b[K\r\n"))) < 64
        node.close()
        read_until(terminal, b"seen\x1b[K\r\n\x1b[K\r\nclient")
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 130


def test_a_terminal_that_can_do_nothing_gets_lines(zmq_url: str) -> None:
    with Site(zmq_url, "rack") as rack, on_terminal(zmq_url, TERM="dumb") as (terminal, process):
        assert process.stderr is not None
        assert process.stderr.readline() == b"watching; Ctrl-C ends\n"
        rack.node("node-7", Capabilities())
        assert b"\x1b" not in read_until(terminal, b"node node-7 changed: 0 methods")


@pytest.mark.parametrize("arguments", [["--wait", "0"], ["--agent", ""], []], ids=str)
def test_wrong_usage_is_one_line_and_code_2(invoke: Main, arguments: list[str]) -> None:
    code, out, err = invoke("who", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
