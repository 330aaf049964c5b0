"""Policy files: what they may say, what is wrong with them, and that changes take effect."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import watchfiles

from clacks_events import ConfigError
from clacks_events.agent.policy import OPEN, Action, Effect, Policy, Rule, User
from clacks_events.agent.policy_file import PolicyFile, read_policy
from tests.harness.waiting import wait_until

TOKEN = f"$scrypt$ln=15,r=8,p=1${'c' * 22}${'t' * 43}"
PASSWORD = f"$scrypt$ln=16,r=4,p=2${'d' * 22}${'p' * 43}"
FULL = f"""
default = "allow"
[users.alice]
groups = ["operators"]
token = "{TOKEN}"
password = "{PASSWORD}"
[users."bob@example.org"]
[groups]
operators = ["bob", "carol"]
none = []
[[rules]]
name = "operators drive phones"
who = ["group:operators", "group:o*", "carol", "c*", "anonymous", "urn:x"]
effect = "allow"
commands = ["sendEvent", "get*"]
publish = ["PhoneStatus", "{{urn:x}}*", "{{}}alert"]
subscribe = ["*"]
[[rules]]
effect = "deny"
subscribe = ["UserSession"]
"""
ALLOW = 'default = "allow"'
DENY = 'default = "deny"'
RULE = '[[rules]]\neffect = "allow"\n'


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


def test_all_that_a_file_can_say(file: Path) -> None:
    assert read_policy(written(file, FULL)) == Policy(
        rules=(
            Rule(
                "operators drive phones",
                Effect.ALLOW,
                ("group:operators", "group:o*", "carol", "c*", "anonymous", "urn:x"),
                ("sendEvent", "get*"),
                ("PhoneStatus", "{urn:x}*", "{}alert"),
                ("*",),
            ),
            Rule("rule 2", Effect.DENY, subscribe=("UserSession",)),
        ),
        default=Effect.ALLOW,
        users={"alice": User(("operators",), TOKEN, PASSWORD), "bob@example.org": User()},
        groups={"operators": ("bob", "carol"), "none": ()},
    )


def test_a_file_that_says_nothing_denies_everything(file: Path) -> None:
    assert read_policy(str(written(file, b""))) == Policy()
    assert read_policy(written(file, b"\xef\xbb\xbf" + ALLOW.encode())) == OPEN


def test_an_order_of_rules_is_kept(file: Path) -> None:
    rules = "".join(f"{RULE}commands = ['c{number}']\n" for number in range(50))
    names = [rule.name for rule in read_policy(written(file, rules)).rules]
    assert names == [f"rule {number}" for number in range(1, 51)]


def test_a_plain_secret_is_not_shown(file: Path) -> None:
    for key in ("token", "password"):
        with pytest.raises(ConfigError) as caught:
            read_policy(written(file, f"[users.alice]\n{key} = 'hunter2'"))
        assert "hunter2" not in f"{caught.value} {caught.value.__context__}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n\ndefault = no\n", ":3: not TOML: Invalid value, column 11"),
        ("\ndefault = 'allow'\ndefault = 'deny'", ":3: not TOML: Cannot overwrite a value"),
        ("\nx = [1,\n", ":2: not TOML: Invalid value, where the file ends"),
        ("x = " + "[" * 9999, ": not TOML: "),
        ("x = " + "1" * 5000, ": not TOML: Exceeds the limit"),
        (b"# ok\n# \xff\n", ":2: not UTF-8 text"),
        ("defualt = 'allow'", ": unknown key 'defualt'; did you mean 'default'?"),
        ("roles = 1", ": unknown key 'roles'; did you mean 'rules'?"),
        ("x = 1", ": unknown key 'x'; known: default, groups, rules, users"),
        ("default = 'alow'", ": default: 'alow' is neither 'allow' nor 'deny'"),
        ("default = true", ": default: True is neither 'allow' nor 'deny'"),
        ("users = 1", ": users: a table is needed, not a number"),
        ("users.alice = 's3cret'", ": users.alice: a table is needed, not a string"),
        ("[users.alice]\ntokens = 's3cret'", ": users.alice: unknown key 'tokens'; did you mean"),
        ("[users.alice]\ntoken = 7", ": users.alice.token: a string that is not empty is needed"),
        ("[users.alice]\npassword = ''", ": users.alice.password: a string that is not empty"),
        (
            "[users.alice]\ntoken = 'hunter2'",
            ": users.alice.token: not a hash, which is written $scrypt$ln=15,r=8,p=1$SALT$HASH;"
            " 'clacks-events policy token USER' makes one",
        ),
        (
            "[users.alice]\npassword = 'hunter2'",
            ": users.alice.password: not a hash, which is written $scrypt$ln=15,r=8,p=1$SALT$HASH;"
            " 'clacks-events policy hash' makes one",
        ),
        (
            f"[users.alice]\npassword = '{PASSWORD.replace('ln=16', 'ln=31')}'",
            ": users.alice.password: ln=31,r=4,p=2 is outside of ln=10 to 18",
        ),
        (
            f"[users.alice]\npassword = '{PASSWORD.replace('r=4', 'r=32')}'",
            ": users.alice.password: ln=16,r=32 would take 256 MiB for each check",
        ),
        ("[users.alice]\ngroups = 'ops'", ": users.alice.groups: an array of strings is needed"),
        ("[users.alice]\ngroups = ['o*']", ": users.alice.groups: 'o*' is a pattern"),
        ("[users.'al*']", ": users.'al*': 'al*' is a pattern"),
        ("[users.anonymous]", ": users.'anonymous': 'anonymous' is somebody without a name"),
        ("groups = []", ": groups: a table is needed, not an array"),
        ("groups.ops = 2020-01-01", " an array of strings is needed, and datetime.date(2020, 1,"),
        ("groups.ops = ['group:all']", ": groups.ops: 'group:all': a group has users only"),
        ("groups.ops = ['anonymous']", ": groups.ops: 'anonymous' is somebody without a name"),
        ("groups.ops = [1]", ": groups.ops: a string is needed, and 1 is a number"),
        ("groups.ops = [' bob']", ": groups.ops: ' bob' is empty, or has spaces around it"),
        ("[rules]\neffect = 'allow'", ": rules: each rule begins with [[rules]]; this is a table"),
        ("rules = [1]", ": rule 1: a table is needed, not a number"),
        ("[[rules]]\ncommands = ['x']", ": rule 1.effect: is missing: 'allow' or 'deny'"),
        ("[[rules]]\neffect = 'Allow'\ncommands = ['x']", ": rule 1.effect: 'Allow' is neither"),
        (RULE, ": rule 1: decides nothing without one of commands, publish, subscribe"),
        (RULE + "command = ['x']", ": rule 1: unknown key 'command'; did you mean 'commands'?"),
        (RULE + "publish = []", ": rule 1.publish: is empty: the rule would never fit"),
        (RULE + "publish = 'x'", ": rule 1.publish: an array of strings is needed, and 'x' is a"),
        (RULE + "publish = [{}]", ": rule 1.publish: a string is needed, and {} is a table"),
        (RULE + "publish = ['{urn:x}']", ": rule 1.publish: '{urn:x}': a Clark name is"),
        (RULE + "publish = ['{urn:x']", ": rule 1.publish: '{urn:x': a Clark name is"),
        (RULE + "publish = ['e:A']", ": rule 1.publish: 'e:A': a type is written Name or {namesp"),
        (RULE + "subscribe = ['A?']", ": rule 1.subscribe: 'A?': '?' is in no name; only *"),
        (RULE + "commands = ['^get.*$']", ": rule 1.commands: '^get.*$': '^' is in no name"),
        (RULE + "commands = ['']", ": rule 1.commands: '' is empty"),
        (RULE + "commands = ['x']\nname = 1", ": rule 1.name: a string is needed, and 1 is a"),
        (RULE + "commands = ['x']\nwho = []", ": rule 1.who: is empty: the rule would never fit"),
        (RULE + "commands = ['x']\nwho = 'bob'", ": rule 1.who: an array of strings is needed"),
        (
            RULE + "commands = ['x']\nwho = ['group:opps']\n[groups]\nops = []",
            ": rule 1.who: no group 'opps'; did you mean 'ops'?",
        ),
        (
            RULE + "commands = ['x']\nwho = ['group:']\n",
            ": rule 1.who: no group ''; there is none",
        ),
        (
            RULE + "commands = ['x']\nwho = ['groups:ops']\n",
            ": rule 1.who: 'groups:ops': did you mean 'group:ops'?",
        ),
        (
            RULE + "commands = ['x']\nname = 'rule 2'\n" + RULE + "commands = ['x']",
            ": rule 2.name: 'rule 2' is the name of a rule before it",
        ),
    ],
)
def test_a_mistake_has_its_place_and_its_reason(file: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_policy(written(file, text))
    assert str(caught.value).startswith(str(file))
    assert reason in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_file_that_cannot_be_read(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"policy\.toml: No such file or directory"):
        read_policy(file)
    with pytest.raises(ConfigError, match="No such file or directory"):
        PolicyFile(file)
    with pytest.raises(ConfigError, match="Is a directory"):
        read_policy(tmp_path)


def test_a_long_value_is_cut(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_policy(written(file, f"default = '{'x' * 10_000}'"))
    assert len(str(caught.value)) < len(str(file)) + 150


@pytest.fixture
def watched(file: Path) -> Iterator[PolicyFile]:
    with PolicyFile(written(file, DENY)) as found:
        yield found


def is_open(watched: PolicyFile) -> bool:
    return watched.policy.decide(Action.COMMAND, "alice", ["x"]).is_allowed


def test_a_change_takes_effect(watched: PolicyFile, file: Path) -> None:
    assert not is_open(watched)
    written(file, ALLOW)
    wait_until(lambda: is_open(watched))
    written(file, DENY)
    wait_until(lambda: not is_open(watched))


def test_a_file_that_is_replaced_takes_effect(watched: PolicyFile, file: Path) -> None:
    before = file.stat()
    for text, expected in ((ALLOW + " ", True), (DENY + "  ", False), (ALLOW + " ", True)):
        new = written(file.with_name("new"), text)
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        new.replace(file)
        wait_until(lambda expected=expected: is_open(watched) is expected)  # type: ignore[misc]


def test_a_file_that_goes_and_comes_back(
    watched: PolicyFile, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert watched.refresh() is False
    file.unlink()
    wait_until(lambda: watched.problem)
    assert "policy.toml: No such file or directory" in str(watched.problem)
    assert not is_open(watched)
    assert [watched.refresh() for _ in range(3)] == [False] * 3
    assert caplog.text.count("the last good one stays") == 1
    written(file, DENY)
    wait_until(lambda: watched.problem is None)
    written(file, ALLOW)
    wait_until(lambda: is_open(watched))


def test_a_broken_file_is_logged_once_and_the_last_good_policy_stays(
    watched: PolicyFile, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "clacks_events")
    written(file, ALLOW)
    wait_until(lambda: is_open(watched))
    written(file, "default = 'maybe'")
    wait_until(lambda: watched.problem)
    assert is_open(watched)
    assert [watched.refresh() for _ in range(3)] == [False] * 3
    refusal = f"{file}: default: 'maybe' is neither 'allow' nor 'deny'"
    assert caplog.text.count(refusal) == 1
    written(file, ALLOW)
    wait_until(lambda: watched.problem is None)
    written(file, DENY)
    wait_until(lambda: not is_open(watched))
    assert caplog.text.count(f"{file} is in force, of 0 rules") == 3


def test_a_directory_that_goes_and_comes_back(tmp_path: Path) -> None:
    directory = tmp_path / "etc"
    directory.mkdir()
    file = written(directory / "policy.toml", DENY)
    with PolicyFile(file) as watched:
        shutil.rmtree(directory)
        wait_until(lambda: watched.problem)
        directory.mkdir()
        written(file, ALLOW)
        wait_until(lambda: is_open(watched))


def test_links_are_followed(tmp_path: Path) -> None:
    """A file that is a link to a link, of which the second is swapped, as Kubernetes does it."""
    for name, text in (("old", DENY), ("new", ALLOW)):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "policy.toml", text)
    at, link = tmp_path / "at", tmp_path / "policy.toml"
    at.symlink_to("old")
    link.symlink_to("at/policy.toml")
    with PolicyFile(link) as watched:
        (tmp_path / "next").symlink_to("new")
        (tmp_path / "next").replace(at)
        wait_until(lambda: is_open(watched))
        written(tmp_path / "new" / "policy.toml", DENY)
        wait_until(lambda: not is_open(watched))


def test_a_relative_path_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "policy.toml", DENY)
    monkeypatch.chdir(tmp_path)
    with PolicyFile("policy.toml") as watched:
        monkeypatch.chdir("/")
        written(file, ALLOW)
        wait_until(lambda: is_open(watched))


def test_listeners_get_each_new_policy(
    watched: PolicyFile, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[Policy] = []

    def fail(_policy: Policy) -> NoReturn:
        raise RuntimeError("of the listener")

    watched.on_change(fail)
    end = watched.on_change(got.append)
    watched.on_change(got.append)
    written(file, ALLOW)
    wait_until(lambda: len(got) == 2)
    assert got == [OPEN, OPEN]
    assert "of the listener" in caplog.text
    end()
    end()
    written(file, f"# nothing else\n{ALLOW}\n")
    written(file, DENY)
    wait_until(lambda: len(got) == 3)
    assert got == [OPEN, OPEN, Policy()]


def test_what_changes_no_rule_is_no_change(watched: PolicyFile, file: Path) -> None:
    got: list[Policy] = []
    watched.on_change(got.append)
    written(file, f"# a comment\n{DENY}\n")
    assert watched.refresh() is False
    assert got == []


def test_without_watches_the_file_is_looked_at_all_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def watch(*_paths: object, **_options: object) -> NoReturn:
        raise OSError("no more watches")

    monkeypatch.setattr(watchfiles, "watch", watch)
    with PolicyFile(written(file, DENY)) as watched:
        written(file, ALLOW)
        wait_until(lambda: is_open(watched))
    assert "no more watches" in caplog.text


def test_closing_ends_the_watching(file: Path) -> None:
    before = threading.active_count()
    watched = PolicyFile(written(file, DENY))
    assert threading.active_count() == before + 1
    watched.close()
    watched.close()
    assert threading.active_count() == before
    written(file, ALLOW)
    assert not is_open(watched)


def test_a_listener_may_close_the_file(watched: PolicyFile, file: Path) -> None:
    closed = threading.Event()

    def close(_policy: Policy) -> None:
        watched.close()
        closed.set()

    watched.on_change(close)
    written(file, ALLOW)
    assert closed.wait(10.0)
