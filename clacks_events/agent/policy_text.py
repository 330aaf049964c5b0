"""Policies as TOML text: each mistake is named with its place and the reason."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from clacks_events.agent.policy import ANONYMOUS, GROUP, Action, Effect, Policy, Rule, User
from clacks_events.agent.secrets import parse_hash
from clacks_events.errors import ConfigError

__all__ = ["check_user", "parse_policy"]

_KEYS = ("default", "users", "groups", "rules")
_USER_KEYS = ("groups", "token", "password")
_MAKERS = {"token": "policy token USER", "password": "policy hash"}
_RULE_KEYS = ("name", "who", "effect", *(action.value for action in Action))
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
# What people know from other globs, from regular expressions and from prefixes.
_FOREIGN = re.compile(r"[\s?\[\]()|^$\\]")
_LONGEST = 80  # characters of a value that are shown

Check = Callable[[str, "_Place"], None]


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a file."""

    file: str
    key: str = ""

    def at(self, key: str) -> _Place:
        return _Place(self.file, f"{self.key}.{key}" if self.key else key)

    def fail(self, reason: str) -> NoReturn:
        where = f"{self.file}: {self.key}" if self.key else self.file
        raise ConfigError(f"{where}: {reason}")


def parse_policy(data: bytes, file: str) -> Policy:
    """Read a policy from TOML; ``file`` is what errors call it. Raises ConfigError."""
    top, table = _Place(file), _toml(data, file)
    _check_keys(table, _KEYS, top)
    users = _users(table.get("users", {}), top.at("users"))
    groups = _groups(table.get("groups", {}), top.at("groups"))
    known = set(groups).union(*(user.groups for user in users.values()))
    return Policy(
        rules=_rules(table.get("rules", []), known, top.at("rules")),
        default=_effect(table.get("default", "deny"), top.at("default")),
        users=users,
        groups=groups,
    )


def _toml(data: bytes, file: str) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: not UTF-8 text") from error
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}{_located(str(error), text)}") from error


def _located(reason: str, text: str) -> str:
    found = _POSITION.search(reason)
    if found is None:
        return f": not TOML: {reason}"
    line = found[1] or max(1, len(text.splitlines()))
    column = f", column {found[2]}" if found[2] else ", where the file ends"
    return f":{line}: not TOML: {reason[: found.start()]}{column}"


def _users(value: Any, place: _Place) -> dict[str, User]:
    return {
        _checked(name, _check_name, place.at(repr(name))): _user(user, place.at(name))
        for name, user in _table(value, place).items()
    }


def _user(value: Any, place: _Place) -> User:
    table = _table(value, place)
    _check_keys(table, _USER_KEYS, place)
    return User(
        groups=_texts(table.get("groups", []), _check_name, place.at("groups")),
        token=_secret(table, "token", place),
        password=_secret(table, "password", place),
    )


def _secret(table: Mapping[str, Any], key: str, place: _Place) -> str | None:
    value = table.get(key)
    # Not shown, whatever it is.
    if value is not None and (not isinstance(value, str) or not value):
        place.at(key).fail("a string that is not empty is needed")
    if value is not None:
        _check_hash(value, key, place.at(key))
    return value


def _check_hash(text: str, key: str, place: _Place) -> None:
    try:
        parse_hash(text)
    except ConfigError as error:
        place.fail(f"{error}; 'clacks-events {_MAKERS[key]}' makes one")


def check_user(name: str) -> None:
    """Raise ConfigError for a name that no user of a policy can have."""
    _check_name(name, _Place("users"))


def _groups(value: Any, place: _Place) -> dict[str, tuple[str, ...]]:
    return {
        _checked(name, _check_name, place.at(repr(name))): _texts(
            members, _check_name, place.at(name)
        )
        for name, members in _table(value, place).items()
    }


def _rules(value: Any, groups: Collection[str], place: _Place) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        place.fail(f"each rule begins with [[rules]]; this is {_kind(value)}")
    rules: dict[str, Rule] = {}
    for number, each in enumerate(value, 1):
        here = _Place(place.file, f"rule {number}")
        rule = _rule(_table(each, here), groups, here)
        if rule.name in rules:
            here.at("name").fail(f"{rule.name!r} is the name of a rule before it")
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(table: Mapping[str, Any], groups: Collection[str], place: _Place) -> Rule:
    _check_keys(table, _RULE_KEYS, place)
    if "effect" not in table:
        place.at("effect").fail("is missing: 'allow' or 'deny'")
    if not any(action.value in table for action in Action):
        place.fail(f"decides nothing without one of {', '.join(a.value for a in Action)}")

    def check_who(entry: str, here: _Place) -> None:
        _check_who(entry, groups, here)

    return Rule(
        name=_text(table.get("name", place.key), place.at("name")),
        effect=_effect(table["effect"], place.at("effect")),
        who=_some(table, "who", check_who, place) if "who" in table else None,
        commands=_some(table, "commands", _check_pattern, place),
        publish=_some(table, "publish", _check_type, place),
        subscribe=_some(table, "subscribe", _check_type, place),
    )


def _some(table: Mapping[str, Any], key: str, check: Check, place: _Place) -> tuple[str, ...]:
    if key not in table:
        return ()
    found = _texts(table[key], check, place.at(key))
    if not found:
        place.at(key).fail("is empty: the rule would never fit")
    return found


def _effect(value: Any, place: _Place) -> Effect:
    for effect in Effect:
        if effect.value == value:
            return effect
    return place.fail(f"{_shown(value)} is neither 'allow' nor 'deny'")


def _texts(value: Any, check: Check, place: _Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        place.fail(f"an array of strings is needed, and {_shown(value)} is {_kind(value)}")
    return tuple(_checked(_text(each, place), check, place) for each in value)


def _text(value: Any, place: _Place) -> str:
    if not isinstance(value, str):
        place.fail(f"a string is needed, and {_shown(value)} is {_kind(value)}")
    if value != value.strip() or not value:
        place.fail(f"{value!r} is empty, or has spaces around it")
    return value


def _checked(text: str, check: Check, place: _Place) -> str:
    check(text, place)
    return text


def _check_name(name: str, place: _Place) -> None:
    if not name or "*" in name:
        place.fail(f"{name!r} is a pattern; here names are needed, as they are")
    if name.startswith(GROUP):
        place.fail(f"{name!r}: a group has users only, no groups")
    if name == ANONYMOUS:
        place.fail(f"{name!r} is somebody without a name, who can be in no group")


def _check_who(entry: str, groups: Collection[str], place: _Place) -> None:
    prefix, colon, group = entry.partition(":")
    if entry.startswith(GROUP):
        _check_group(group, groups, place)
    elif colon and difflib.get_close_matches(prefix.strip().lower(), [GROUP.rstrip(":")]):
        place.fail(f"{entry!r}: did you mean '{GROUP}{group}'?")


def _check_group(pattern: str, groups: Collection[str], place: _Place) -> None:
    if "*" not in pattern and pattern not in groups:
        # Otherwise a misspelt name would make a rule that never fits, also one that denies.
        place.fail(f"no group {pattern!r}{_near(pattern, groups)}")


def _check_pattern(pattern: str, place: _Place) -> None:
    found = _FOREIGN.search(pattern)
    if found is not None:
        place.fail(f"{pattern!r}: {found[0]!r} is in no name; only * stands for other characters")


def _check_type(pattern: str, place: _Place) -> None:
    if pattern.startswith("{"):
        name = pattern.rpartition("}")[2]
        if "}" not in pattern or not name:
            place.fail(f"{pattern!r}: a Clark name is {{namespace}}Name, with * for any name")
    else:
        name = pattern
    if ":" in name or "{" in name or "}" in name:
        place.fail(f"{pattern!r}: a type is written Name or {{namespace}}Name")
    _check_pattern(name, place)


def _table(value: Any, place: _Place) -> dict[str, Any]:
    if not isinstance(value, dict):
        place.fail(f"a table is needed, not {_kind(value)}")
    return value


def _check_keys(table: Iterable[str], known: Collection[str], place: _Place) -> None:
    for key in table:
        if key not in known:
            place.fail(f"unknown key {key!r}{_near(key, known)}")


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    others = f"; known: {', '.join(sorted(known))}" if known else "; there is none"
    return f"; did you mean {near[0]!r}?" if near else others


def _kind(value: object) -> str:
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "a table"
    return _KINDS.get(type(value), "a date or time")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
