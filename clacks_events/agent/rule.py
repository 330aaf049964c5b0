"""One rule of a policy: whom and what it is about, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from clacks_events.signals.globs import GlobTable
from clacks_events.xml import local_name

__all__ = ["ANONYMOUS", "EVERYTHING", "GROUP", "Action", "Effect", "Fit", "Rule"]

ANONYMOUS = "anonymous"
"""Who somebody without a name is in a rule; no user is meant by it, whatever his name."""
GROUP = "group:"
"""What the name of a group begins with in a rule."""
EVERYTHING = "*"
"""The name of what a subscription without types brings."""

_SHOWN = 8  # names of a list


class Action(Enum):
    """What somebody asks for; the value is the key of a rule that is about it."""

    COMMAND = "commands"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


class Effect(Enum):
    """What becomes of it."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """Allow or deny some people some commands and event types.

    ``who`` has names of users, ``group:NAME`` and ``anonymous``; None is everybody. Event types
    are local names, or Clark names, ``{}Name`` for one in no namespace. In all of them ``*``
    stands for any characters.
    """

    name: str
    effect: Effect
    who: tuple[str, ...] | None = None
    commands: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a sentence calls it."""
        head, _, number = self.name.partition(" ")
        return self.name if head == "rule" and number.isdecimal() else f"rule {self.name!r}"

    def patterns(self, action: Action) -> tuple[str, ...]:
        """Return the patterns that are for an action."""
        found: tuple[str, ...] = getattr(self, action.value)
        return found


class Fit:
    """A rule taken apart once, to be asked often about one action."""

    __slots__ = ("_action", "_names", "_who", "rule")

    def __init__(self, rule: Rule, action: Action) -> None:
        self.rule = rule
        self._action = action
        self._who = _Who(rule.who)
        self._names = _Commands(rule) if action is Action.COMMAND else _Types(rule, action)

    def reason(self, user: str | None, groups: Iterable[str], names: Sequence[str]) -> str | None:
        """Return why the rule fits; None if it does not."""
        entry = self._who.find(user, groups)
        if entry is None:
            return None
        found = self._names.find(names)
        return None if found is None else f"it is for {entry}, and {found}"

    def objection(self, user: str | None, groups: Iterable[str], names: Sequence[str]) -> str:
        """Return why the rule does not fit."""
        patterns = self.rule.patterns(self._action)
        if not patterns:
            return f"{self.rule.label} has no {self._action.value}"
        if self._who.find(user, groups) is None:
            somebody = repr(user) if user else "somebody without a name"
            return f"{self.rule.label} is not for {somebody}: who {_listed(self.rule.who or ())}"
        name = names[-1] if self._action is Action.COMMAND else local_name(names[-1])
        return f"{self.rule.label} does not fit {name!r}: {self._action.value} {_listed(patterns)}"


class _Globs:
    """Names and globs."""

    __slots__ = ("_exact", "_globs")

    def __init__(self, patterns: Iterable[str]) -> None:
        unique = tuple(dict.fromkeys(patterns))
        # Apart from the globs, since a rule may have thousands of names.
        self._exact = frozenset(pattern for pattern in unique if "*" not in pattern)
        globs: GlobTable[str] = GlobTable()
        for pattern in unique:
            if "*" in pattern:
                globs.add(pattern, pattern)
        self._globs = globs if len(globs) else None

    def find(self, name: str) -> str | None:
        """Return a pattern that fits."""
        if name in self._exact:
            return name
        return None if self._globs is None else self._globs.find(name)


class _Who:
    """The people of a rule."""

    __slots__ = ("_groups", "_has_anonymous", "_is_everybody", "_users")

    def __init__(self, who: tuple[str, ...] | None) -> None:
        entries = who or ()
        self._is_everybody = who is None
        self._has_anonymous = ANONYMOUS in entries
        self._groups = _Globs(e.removeprefix(GROUP) for e in entries if e.startswith(GROUP))
        self._users = _Globs(e for e in entries if not e.startswith(GROUP) and e != ANONYMOUS)

    def find(self, user: str | None, groups: Iterable[str]) -> str | None:
        """Return the entry by which somebody is meant."""
        if self._is_everybody:
            return "everybody"
        if not user and self._has_anonymous:
            return ANONYMOUS
        found = self._users.find(user) if user else None
        if found is not None:
            return repr(found)
        for group in groups:
            found = self._groups.find(group)
            if found is not None:
                return repr(GROUP + found)
        return None


class _Commands:
    """The commands of a rule."""

    __slots__ = ("_globs",)

    def __init__(self, rule: Rule) -> None:
        self._globs = _Globs(rule.commands)

    def find(self, names: Sequence[str]) -> str | None:
        """Return what fits, in words."""
        found = self._globs.find(names[-1])
        return None if found is None else f"{found!r} fits {names[-1]!r}"


class _Types:
    """The event types of a rule, for one action."""

    __slots__ = ("_clark", "_everything", "_local")

    def __init__(self, rule: Rule, action: Action) -> None:
        patterns = rule.patterns(action)
        self._local = _Globs(each for each in patterns if not each.startswith("{"))
        self._clark = _Globs(each for each in patterns if each.startswith("{"))
        # Of everything any part is enough to be denied, all of it is needed to be allowed.
        wanted = patterns if rule.effect is Effect.DENY else {EVERYTHING}.intersection(patterns)
        self._everything = next(iter(wanted), None) if action is Action.SUBSCRIBE else None

    def find(self, names: Sequence[str]) -> str | None:
        """Return what fits, in words."""
        if names[-1] == EVERYTHING:
            part = self._everything
            if part == EVERYTHING:
                return f"{part!r} is everything"
            return None if part is None else f"{part!r} is a part of everything"
        for name in reversed(names):
            found = self._pattern(name)
            if found is not None:
                own = local_name(names[-1])
                base = "" if name == names[-1] else f"{local_name(name)!r}, a base type of "
                return f"{found!r} fits {base}{own!r}"
        return None

    def _pattern(self, name: str) -> str | None:
        found = self._local.find(local_name(name))
        if found is not None:
            return found
        return self._clark.find(name if name.startswith("{") else f"{{}}{name}")


def _listed(patterns: Sequence[str]) -> str:
    more = ", …" if len(patterns) > _SHOWN else ""
    return ", ".join(map(repr, patterns[:_SHOWN])) + more
