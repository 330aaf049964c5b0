"""Who may do what: rules in an order, of which the first that fits decides.

What a policy says, and nothing else: no file, no clock, no broker.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from clacks_events.agent.rule import ANONYMOUS, EVERYTHING, GROUP, Action, Effect, Fit, Rule
from clacks_events.catalog import Catalog
from clacks_events.errors import AccessDenied
from clacks_events.xml import local_name

__all__ = [
    "ANONYMOUS",
    "DOMAIN",
    "EVERYTHING",
    "GROUP",
    "OPEN",
    "Action",
    "Effect",
    "Policy",
    "Rule",
    "User",
    "Verdict",
    "lineages",
]

DOMAIN = "org.clacks"
"""What Clacks programs expect before the names of events."""


@dataclass(frozen=True, slots=True)
class User:
    """What a policy knows of a user; the secrets are kept as they were given."""

    groups: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, by which rule (None: by the default), and one sentence about it."""

    is_allowed: bool
    rule: Rule | None
    says: str


@dataclass(frozen=True)
class Policy:
    """The rules, and what is decided when none of them fits.

    ``groups`` are members by the name of the group; a user may name groups as well, and both
    add up. What is given is not to be changed afterwards.
    """

    rules: tuple[Rule, ...] = ()
    default: Effect = Effect.DENY
    users: Mapping[str, User] = field(default_factory=dict)
    groups: Mapping[str, Collection[str]] = field(default_factory=dict)

    def decide(
        self,
        action: Action,
        user: str | None,
        names: Sequence[str],
        *,
        groups: Collection[str] = (),
    ) -> Verdict:
        """Decide whether somebody may do something.

        ``user`` is the name that the transport vouches for, None if it does for none; ``names``
        is the name of the command, or the lineage of the event type as Clark names, root first,
        or EVERYTHING for a subscription without types; ``groups`` are further groups of the user.
        """
        names = _checked(names)
        belongs = self._groups_of(user, groups)
        for fit in self._fits[action]:
            reason = fit.reason(user, belongs, names)
            if reason is not None:
                verb = "allows" if fit.rule.effect is Effect.ALLOW else "denies"
                says = f"{fit.rule.label} {verb} it: {reason}"
                return Verdict(fit.rule.effect is Effect.ALLOW, fit.rule, says)
        says = f"no rule fits, and the default is to {self.default.value}"
        return Verdict(self.default is Effect.ALLOW, None, says)

    def check(
        self,
        action: Action,
        user: str | None,
        names: Sequence[str],
        domain: str = DOMAIN,
        *,
        groups: Collection[str] = (),
    ) -> None:
        """Raise AccessDenied for what is not allowed; which rule decides is a note of the error.

        The sentence of the error is for the one who asked, and tells nothing of the policy.
        """
        verdict = self.decide(action, user, names, groups=groups)
        if verdict.is_allowed:
            return
        error = AccessDenied(_refusal(action, _checked(names)[-1], domain))
        error.add_note(verdict.says)
        raise error

    def passed_over(
        self,
        action: Action,
        user: str | None,
        names: Sequence[str],
        *,
        groups: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Return a sentence for each rule before the one that decides: why it does not fit."""
        deciding = self.decide(action, user, names, groups=groups).rule
        place = len(self.rules) if deciding is None else self.rules.index(deciding)
        belongs = self._groups_of(user, groups)
        return tuple(
            Fit(rule, action).objection(user, belongs, _checked(names))
            for rule in self.rules[:place]
        )

    @cached_property
    def group_names(self) -> frozenset[str]:
        """The groups that anybody is in, and those that are declared without members."""
        return frozenset(self.groups).union(*(user.groups for user in self.users.values()))

    @cached_property
    def _fits(self) -> Mapping[Action, tuple[Fit, ...]]:
        return {
            action: tuple(Fit(rule, action) for rule in self.rules if rule.patterns(action))
            for action in Action
        }

    @cached_property
    def _memberships(self) -> Mapping[str, tuple[str, ...]]:
        found = {name: set(user.groups) for name, user in self.users.items()}
        for group, members in self.groups.items():
            for member in members:
                found.setdefault(member, set()).add(group)
        return {name: tuple(sorted(groups)) for name, groups in found.items()}

    def _groups_of(self, user: str | None, more: Collection[str]) -> tuple[str, ...]:
        known = self._memberships.get(user, ()) if user else ()
        return (*known, *more) if more else known


def _checked(names: Sequence[str]) -> Sequence[str]:
    # A string is a sequence too, of letters: none of them is a name.
    return (names,) if isinstance(names, str) else names


def _refusal(action: Action, name: str, domain: str) -> str:
    if action is Action.COMMAND:
        return f"calling the command '{name}' is not permitted"
    doing = "sending" if action is Action.PUBLISH else "receiving"
    return f"{doing} the event '{domain}.event.{local_name(name)}' is not permitted"


def lineages(catalog: Catalog, types: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the lineage of each type that a subscription to ``types`` brings, derived ones too.

    Whoever subscribes must be allowed all of them. Types are Clark or local names; without any
    it is EVERYTHING. Raises UnknownEventType.
    """
    if not types:
        return ((EVERYTHING,),)
    asked = [catalog.resolve(name) for name in types]
    # The types that were asked for first: refusals name the first that is denied.
    brought = [derived for name in asked for derived in sorted(catalog.derived(name))]
    return tuple(catalog.lineage(name) for name in dict.fromkeys([*asked, *brought]))


OPEN = Policy(default=Effect.ALLOW)
"""The policy that allows everything: what is in force where none is given."""
