"""The command line as a whole: usage, errors, secrets, streams that are closed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clacks_events.cli import COMMANDS
from tests.cli.conftest import Main
from tests.harness.program import COMMAND, TIMEOUT, Program, environment, run


def test_help_names_all_verbs(invoke: Main) -> None:
    code, out, err = invoke("--help")
    assert (code, err) == (0, "")
    assert all(f"{verb} " in out for verb in COMMANDS)


def test_checking_a_policy_takes_schemas(invoke: Main) -> None:
    code, out, err = invoke("policy", "check", "--help")
    assert (code, err, "--schemas DIR" in out) == (0, "", True)


@pytest.mark.parametrize("verb", COMMANDS)
def test_each_verb_has_help(invoke: Main, verb: str) -> None:
    code, out, err = invoke(verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: clacks-events {verb} ")
    # Keys and calls have nothing to do with events, and of policies only checking has.
    assert ("--schemas DIR" in out) == (verb not in ("keys", "call", "policy"))


def test_the_version_is_told(invoke: Main) -> None:
    code, out, _ = invoke("--version")
    assert code == 0
    assert out.split()[0] == "clacks-events"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["wach"],
        ["watch", "--wat"],
        ["watch"],
        ["watch", "--json", "--raw"],
        ["watch", "--count", "0"],
        ["watch", "--count", "x"],
        ["watch", "--timeout", "-1"],
        ["watch", "--timeout", "nan"],
        ["watch", "--url", "memory://", "--file", "x", "."],
        ["publish"],
        ["publish", "--url"],
        ["publish", "--rate", "0"],
        ["publish", "--rate", "inf"],
        ["publish", "--count", "-1"],
        ["publish", "-H", "novalue"],
        ["publish", "-H", "=x"],
        ["publish", "-H", "x=\udcff"],
        ["publish", "--source", ""],
        ["serve", "--source", "\udcff"],
        ["serve", "--agent", "x" * 256],
        ["serve", "--workers", "0"],
        ["types", "--xsd"],
        ["check"],
    ],
    ids=ascii,
)
def test_wrong_usage_is_one_line_and_code_2(invoke: Main, arguments: list[str]) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("clacks-events")
    assert err.count("\n") == 1


def test_without_a_broker_the_line_says_how_to_name_one(invoke: Main) -> None:
    assert "--url" in invoke("watch")[2]
    assert "CLACKS_URL" in invoke("watch")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "--url", "amqp://me:hush@127.0.0.1:1/x"],
        ["watch", "--url", "amqp://me:hush@127.0.0.1:99999/x"],
        ["watch", "--url", "amqp://me:hush@127.0.0.1:1/x?hartbeat=1"],
        ["watch", "--url", "amqp://me:hu#hush@127.0.0.1/x"],
        ["watch", "--url", "ampq://me:hush@127.0.0.1/x"],
        ["watch", "--count", "amqp://me:hush@127.0.0.1/x"],
        ["watch", ".", "amqp://me:hush@127.0.0.1/x"],
        ["amqp://me:hush@127.0.0.1/x"],
        ["ampq://me:hush@127.0.0.1/x"],
        ["--url", "amqp://me:hu@hush@127.0.0.1/x", "watch"],
        ["publish", "--url", "memory://", "amqp://me:hush@127.0.0.1/x"],
        ["check", "amqp://me:hush@127.0.0.1/x"],
        ["explain", "--file", "amqp://me:hush@127.0.0.1/x"],
        ["types", "--schemas", "amqp://me:hush@127.0.0.1/x"],
    ],
    ids=" ".join,
)
def test_no_error_shows_a_password(invoke: Main, arguments: list[str]) -> None:
    code, out, err = invoke(*arguments)
    assert code in (1, 2)
    assert "hush" not in out + err
    assert (out + err).count("\n") == 1


def test_a_broker_that_is_not_there_is_one_line(invoke: Main) -> None:
    code, out, err = invoke("watch", "--url", "amqp://me:hush@127.0.0.1:1/x")
    assert (code, out) == (1, "")
    assert err == (
        "clacks-events: amqp://me@127.0.0.1:1/x: connection refused: is a broker running there?\n"
    )


def test_the_log_shows_no_password(amqp_url: str) -> None:
    url = amqp_url.replace(":secret@", ":wrong-hush@")
    done = run("publish", "-v", "--url", url)
    assert done.returncode == 1
    assert "refuses user 'admin'" in done.stderr
    assert "hush" not in done.stdout + done.stderr


def test_the_broker_may_come_from_the_environment(
    invoke: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLACKS_URL", "amqp://me:hush@127.0.0.1:1/x")
    assert "amqp://me@127.0.0.1:1/x" in invoke("watch")[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", ["watch", "serve"])
def test_it_can_be_interrupted_while_it_connects(verb: str, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with Program(verb, "--url", f"amqp://me:hush@127.0.0.1:{port}/x") as program:
            silent.settimeout(TIMEOUT)
            connection, _ = silent.accept()
            with connection:
                # It has come so far that it waits for an answer.
                assert connection.recv(4) == b"AMQP"
                code = program.end(number)
            assert (code, program.out, program.err) == (130, "", "")


def test_a_reader_that_leaves_ends_it_without_a_word() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as stdout:
        done = subprocess.run(
            [*COMMAND, "types"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=TIMEOUT,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told() -> None:
    done = _shell('exec "$@" types > /dev/full')
    assert (done.returncode, done.stderr) == (1, "clacks-events: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_streams_do_no_harm(closed: str) -> None:
    done = _shell(f'exec "$@" types {closed}')
    assert (done.returncode, done.stderr) == (0, "")


def test_publishing_from_a_closed_stream_is_an_error() -> None:
    done = _shell('exec "$@" publish --url memory:// <&-')
    assert (done.returncode, done.stderr) == (1, "clacks-events: standard input is closed\n")


def _shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command, "sh", *COMMAND],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_another_encoding_does_not_end_it() -> None:
    done = run("types", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2026" in done.stdout


def test_a_fault_of_our_own_is_one_line_too() -> None:
    script = (
        "import sys, clacks_events.cli.types as verb\n"
        "verb.Catalog = None\n"
        "from clacks_events.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "types"]
    brief, full = (
        subprocess.run(
            [*command, *more],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        for more in ([], ["-v"])
    )
    assert (brief.returncode, full.returncode) == (1, 1)
    assert brief.stderr == (
        "clacks-events: a fault of this program: TypeError: 'NoneType' object is not callable\n"
    )
    assert "Traceback" in full.stderr
