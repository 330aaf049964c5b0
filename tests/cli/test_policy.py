"""``clacks-events policy``."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from clacks_events.agent.policy_file import read_policy
from clacks_events.agent.secrets import parse_hash, user_of_token
from tests.catalog.schemas import element, put, xsd
from tests.cli.conftest import Main
from tests.harness.program import ROOT

TEXT = """
[users.alice]
groups = ["ops"]
[groups]
staff = ["bob"]
[[rules]]
name = "no secrets"
who = ["*"]
effect = "deny"
subscribe = ["C"]
[[rules]]
name = "ops"
who = ["group:ops"]
effect = "allow"
commands = ["get*"]
publish = ["A", "PhoneStatus"]
subscribe = ["A"]
[[rules]]
effect = "allow"
who = ["anonymous"]
subscribe = ["*"]
"""
UNSURE = "no rule fits, and the default is to deny"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """The types A, B derived from A, C derived from B, and D."""
    elements = (
        element("A"),
        element("B", more='substitutionGroup="t:A"'),
        element("C", more='substitutionGroup="t:B"'),
        element("D"),
    )
    return put(tmp_path / "schemas", {"a.xsd": xsd("".join(elements))})


def test_what_is_allowed_has_code_0(invoke: Main, file: Path) -> None:
    assert invoke("policy", "check", file, "--user", "alice", "--publish", "PhoneStatus") == (
        0,
        "allowed: rule 'ops' allows it: it is for 'group:ops', and 'PhoneStatus' fits"
        " 'PhoneStatus'\n",
        "",
    )


def test_what_is_denied_has_code_1(invoke: Main, file: Path) -> None:
    for who in (["--user", "bob"], ["--anonymous"]):
        done = invoke("policy", "check", file, *who, "--command", "getNodes")
        assert done == (1, f"denied: {UNSURE}\n", "")


def test_verbose_tells_of_the_rules_before(invoke: Main, file: Path) -> None:
    code, out, err = invoke(
        "policy", "check", file, "--user", "bob", "--command", "getNodes", "--verbose"
    )
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "rule 'no secrets' has no commands",
        "rule 'ops' is not for 'bob': who 'group:ops'",
        "rule 3 has no commands",
        f"denied: {UNSURE}",
    ]


def test_a_group_may_be_added(invoke: Main, file: Path) -> None:
    asked = ("policy", "check", file, "--user", "bob", "--command", "getNodes")
    assert invoke(*asked, "--group", "staff")[0] == 1
    assert invoke(*asked, "--group", "staff", "--group", "ops")[0] == 0
    assert invoke(*asked, "--group", "opps") == (
        2,
        "",
        f"clacks-events: {file}: no group 'opps'; known: ops, staff\n",
    )


def test_base_types_count(invoke: Main, file: Path, schemas: Path) -> None:
    asked = ("policy", "check", file, "--schemas", schemas, "--user", "alice", "--publish")
    code, out, _ = invoke(*asked, "C")
    assert (code, out.partition(", and ")[2]) == (0, "'A' fits 'A', a base type of 'C'\n")
    assert invoke(*asked, "{urn:t}B")[0] == 0
    assert invoke(*asked, "D")[:2] == (1, f"denied: {UNSURE}\n")


def test_a_subscription_needs_all_derived_types(invoke: Main, file: Path, schemas: Path) -> None:
    asked = ("policy", "check", file, "--schemas", schemas, "--user", "alice", "--subscribe")
    reason = "rule 'no secrets' denies it: it is for '*', and 'C' fits 'C'"
    assert invoke(*asked, "A") == (1, f"denied C, which comes with it: {reason}\n", "")
    assert invoke(*asked, "C") == (1, f"denied: {reason}\n", "")
    file.write_text(TEXT.replace('["C"]', '["D"]'))
    assert invoke(*asked, "A")[0] == 0


def test_everything_is_a_star(invoke: Main, file: Path) -> None:
    asked = ("policy", "check", file, "--subscribe", "*")
    code, out, _ = invoke(*asked, "--user", "alice")
    assert (code, out) == (
        1,
        "denied: rule 'no secrets' denies it: it is for '*', and 'C' is a part of everything\n",
    )
    assert invoke(*asked, "--anonymous")[:2] == (
        0,
        "allowed: rule 3 allows it: it is for anonymous, and '*' is everything\n",
    )


def test_what_cannot_be_decided_has_code_2(invoke: Main, file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    asked = ("--user", "alice", "--publish")
    assert invoke("policy", "check", missing, *asked, "PhoneStatus") == (
        2,
        "",
        f"clacks-events: {missing}: No such file or directory\n",
    )
    code, out, err = invoke("policy", "check", file, *asked, "PhoneState")
    assert (code, out) == (2, "")
    assert "did you mean PhoneStatus" in err
    assert invoke("policy", "check", file, *asked, "A", "--schemas", missing)[0] == 2
    file.write_text("default = 'maybe'")
    assert invoke("policy", "check", file, *asked, "PhoneStatus") == (
        2,
        "",
        f"clacks-events: {file}: default: 'maybe' is neither 'allow' nor 'deny'\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chekc", "FILE", "--user", "u", "--command", "c"],
        ["check", "--user", "u", "--command", "c"],
        ["check", "FILE", "--command", "c"],
        ["check", "FILE", "--user", "u"],
        ["check", "FILE", "--user", "", "--command", "c"],
        ["check", "FILE", "--user", "u", "--anonymous", "--command", "c"],
        ["check", "FILE", "--user", "u", "--command", "c", "--publish", "PhoneStatus"],
        ["check", "FILE", "--anonymous", "--group", "ops", "--command", "c"],
        ["hash", "s3cret"],
        ["token"],
        ["token", ""],
        ["token", "alice", "bob"],
    ],
    ids=ascii,
)
def test_wrong_usage_is_one_line_and_code_2(invoke: Main, file: Path, arguments: list[str]) -> None:
    given = [str(file) if argument == "FILE" else argument for argument in arguments]
    code, out, err = invoke("policy", *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("clacks-events")


def test_what_a_terminal_obeys_is_not_printed(invoke: Main, file: Path) -> None:
    code, out, err = invoke("policy", "check", file, "--user", "\x1b[2J", "--command", "x", "-v")
    assert (code, err) == (1, "")
    assert "\x1b" not in out


def typed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize("end", ["\n", "\r\n", "", "\nthe next line\n"], ids=ascii)
def test_a_password_is_hashed(invoke: Main, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    typed(f" correct hörse {end}", monkeypatch)
    code, out, err = invoke("policy", "hash")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert parse_hash(out.strip()).matches(" correct hörse ")


@pytest.mark.parametrize("text", ["", "\n", "x" * 1025, "x" * 100_000, "a\tb", "\x1b[A"], ids=ascii)
def test_what_nobody_can_type_is_no_password(
    invoke: Main, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    typed(text, monkeypatch)
    code, out, err = invoke("policy", "hash")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("clacks-events: a secret has ")


def on_terminal(*lines: str) -> tuple[int, str, str, str]:
    """Type lines at a terminal; gives exit code, output, errors, and what was echoed."""
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "clacks_events", "policy", "hash"]
    with subprocess.Popen(
        command,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    ) as program:
        assert program.stderr is not None
        shown = ""
        for line in lines:
            before = len(shown)
            # Only what is typed after the question is sure not to be echoed.
            while not shown[before:].endswith(": "):
                shown += os.read(program.stderr.fileno(), 1).decode()
            os.write(keyboard, line.encode())
        out, err = program.communicate(timeout=30)
    os.set_blocking(keyboard, False)
    try:
        echoed = os.read(keyboard, 1000).decode()
    except (BlockingIOError, OSError):
        echoed = ""
    os.close(keyboard)
    os.close(terminal)
    return program.returncode, out.decode(), shown + err.decode(), echoed


def test_at_a_terminal_it_is_asked_for_twice_and_not_shown() -> None:
    code, out, err, echoed = on_terminal("s3cret\n", "s3cret\n")
    assert code == 0
    assert parse_hash(out.strip()).matches("s3cret")
    assert err.split() == ["Password:", "Again:"]
    assert "s3cret" not in echoed


def test_two_that_differ_are_none() -> None:
    code, out, err, _ = on_terminal("s3cret\n", "secret\n")
    assert (code, out) == (1, "")
    assert err.endswith("clacks-events: these are not the same\n")


def test_a_terminal_that_is_left_is_told() -> None:
    code, out, err, _ = on_terminal("\x04")
    assert (code, out) == (1, "")
    assert err.endswith("clacks-events: no password was given\n")


def test_a_token_is_made_for_a_user(invoke: Main, tmp_path: Path) -> None:
    code, out, err = invoke("policy", "token", "bob@example.org")
    token, line = out.splitlines()
    assert code == 0
    assert "shown only once" in err
    assert token not in err
    assert user_of_token(token) == "bob@example.org"
    file = tmp_path / "policy.toml"
    file.write_text(f"[users.'bob@example.org']\n{line}\n")
    stored = read_policy(file).users["bob@example.org"].token
    assert stored is not None
    assert parse_hash(stored).matches(token)
    assert invoke("policy", "token", "bob@example.org")[1].splitlines()[0] != token


@pytest.mark.parametrize("name", ["anonymous", "group:ops", "al*"])
def test_only_users_have_tokens(invoke: Main, name: str) -> None:
    code, out, err = invoke("policy", "token", name)
    assert (code, out) == (1, "")
    assert err.startswith(f"clacks-events: users: {name!r}")


def test_verbose_may_be_said_before_and_after(invoke: Main, file: Path) -> None:
    asked = ("check", file, "--user", "bob", "--command", "getNodes")
    for arguments in (("policy", "-v", *asked), ("policy", *asked, "-v")):
        assert len(invoke(*arguments)[1].splitlines()) == 4
    assert len(invoke("policy", *asked)[1].splitlines()) == 1
