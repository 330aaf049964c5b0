"""What a policy decides, and what it says about that."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events import AccessDenied, UnknownEventType
from clacks_events.agent.policy import (
    EVERYTHING,
    OPEN,
    Action,
    Effect,
    Policy,
    Rule,
    User,
    lineages,
)
from tests.catalog.schemas import T, catalog, element, xsd

COMMAND, PUBLISH, SUBSCRIBE = Action
ALLOW, DENY = Effect
BASE, DERIVED, PLAIN = "{urn:x}Base", "{urn:x}Derived", "alert"
PHONE = "{http://www.gonicus.de/Events}PhoneStatus"


def allows(*who: str) -> Policy:
    return Policy((Rule("r", ALLOW, who, commands=("*",)),))


def may_call(policy: Policy, user: str | None) -> bool:
    return policy.decide(COMMAND, user, ["x"]).is_allowed


def may_publish(pattern: str, *lineage: str) -> bool:
    rule = Rule("r", ALLOW, publish=(pattern,))
    return Policy((rule,)).decide(PUBLISH, "u", lineage).is_allowed


def test_without_rules_the_default_decides() -> None:
    verdict = Policy().decide(PUBLISH, "alice", [PHONE])
    assert (verdict.is_allowed, verdict.rule) == (False, None)
    assert verdict.says == "no rule fits, and the default is to deny"
    verdict = OPEN.decide(PUBLISH, None, [PHONE])
    assert (verdict.is_allowed, verdict.rule) == (True, None)
    assert verdict.says == "no rule fits, and the default is to allow"


def test_the_first_rule_that_fits_decides() -> None:
    deny = Rule("not bob", DENY, ("bob",), commands=("stop",))
    allow = Rule("rule 2", ALLOW, commands=("*",))
    policy = Policy((deny, allow))
    assert policy.decide(COMMAND, "bob", ["stop"]).rule is deny
    assert policy.decide(COMMAND, "bob", ["start"]).rule is allow
    assert policy.decide(COMMAND, "carol", ["stop"]).rule is allow
    assert Policy((allow, deny)).decide(COMMAND, "bob", ["stop"]).is_allowed


def test_a_rule_is_only_about_the_actions_that_it_names() -> None:
    policy = Policy((Rule("r", ALLOW, commands=("*",), publish=("*",)),))
    assert policy.decide(PUBLISH, "u", [PHONE]).is_allowed
    assert not policy.decide(SUBSCRIBE, "u", [PHONE]).is_allowed
    assert not policy.decide(SUBSCRIBE, "u", [EVERYTHING]).is_allowed


@pytest.mark.parametrize(
    ("who", "fitting", "others"),
    [
        (("bob",), ["bob"], ["Bob", "bobby", None, ""]),
        (("b*",), ["bob", "b"], ["Bob", "abb", None, ""]),
        (("*",), ["bob", "anonymous", "group:ops"], [None, ""]),
        (("anonymous",), [None, ""], ["bob", "anonymous"]),
        (("group:ops",), ["alice", "carol"], ["bob", "group:ops", "ops", None]),
        (("group:o*",), ["alice"], ["bob", "group:ops", None]),
        (("group:*", "bob"), ["alice", "bob"], ["dave", None]),
        ((), [], ["bob", None]),
    ],
)
def test_who_is_meant(
    who: tuple[str, ...], fitting: list[str | None], others: list[str | None]
) -> None:
    rules = allows(*who).rules
    policy = Policy(rules, users={"alice": User(("ops",))}, groups={"ops": ["carol"]})
    assert [user for user in (*fitting, *others) if may_call(policy, user)] == fitting


def test_without_who_a_rule_is_for_everybody() -> None:
    policy = Policy((Rule("r", ALLOW, commands=("*",)),))
    assert may_call(policy, "bob")
    assert may_call(policy, None)


def test_groups_of_both_kinds_and_those_told_by_the_caller_add_up() -> None:
    policy = Policy(
        (
            Rule("a", ALLOW, ("group:a",), commands=("a",)),
            Rule("b", ALLOW, ("group:b",), commands=("b",)),
            Rule("c", ALLOW, ("group:c",), commands=("c",)),
        ),
        users={"alice": User(("a",))},
        groups={"b": ["alice"], "empty": []},
    )
    allowed = [name for name in "abc" if policy.decide(COMMAND, "alice", [name]).is_allowed]
    assert allowed == ["a", "b"]
    assert policy.decide(COMMAND, "alice", ["c"], groups=["c"]).is_allowed
    assert not policy.decide(COMMAND, "bob", ["a"]).is_allowed
    assert policy.group_names == {"a", "b", "empty"}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("sendEvent", "sendEvent"), ("get*", "getNodes"), ("*Event*", "getEventTypes"), ("*", "x")],
)
def test_commands_that_fit(pattern: str, name: str) -> None:
    policy = Policy((Rule("r", ALLOW, commands=(pattern,)),))
    assert policy.decide(COMMAND, "u", [name]).is_allowed
    assert policy.decide(COMMAND, "u", name).is_allowed


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("get*", "forget"),
        ("sendEvent", "sendevent"),
        ("sendEvent", "sendEvents"),
        ("s", "sendEvent"),
        ("sendEvent", "{x}sendEvent"),
        ("send?vent", "sendEvent"),
        ("[s]endEvent", "sendEvent"),
        ("a.c", "abc"),
    ],
)
def test_commands_that_do_not_fit(pattern: str, name: str) -> None:
    policy = Policy((Rule("r", ALLOW, commands=(pattern,)),))
    assert not policy.decide(COMMAND, "u", [name]).is_allowed
    assert not policy.decide(COMMAND, "u", name).is_allowed


def test_a_type_is_named_with_or_without_its_namespace() -> None:
    for pattern in ("Base", "B*e", "{urn:x}Base", "{urn:x}*", "{*}Base", "*"):
        assert may_publish(pattern, BASE), pattern
    for pattern in ("base", "{urn:y}Base", "{}Base", "urn:x", "{urn:x}Derived", "{}*"):
        assert not may_publish(pattern, BASE), pattern
    for pattern in ("alert", "{}alert", "{*}alert", "{}*"):
        assert may_publish(pattern, PLAIN), pattern
    assert not may_publish("{urn:x}*", PLAIN)


def test_a_base_type_stands_for_those_derived_from_it() -> None:
    assert may_publish("Base", BASE, DERIVED)
    assert may_publish("{urn:x}Base", BASE, DERIVED)
    assert may_publish("Derived", BASE, DERIVED)
    assert not may_publish("Derived", BASE)


def test_everything_is_more_than_all_types_that_fit_a_glob() -> None:
    def may_have_all(*rules: Rule) -> bool:
        return Policy(rules, ALLOW).decide(SUBSCRIBE, "u", [EVERYTHING]).is_allowed

    deny_all = Rule("deny", DENY, subscribe=("*",))
    for pattern in ("{*}*", "{}*", "P*"):
        assert not may_have_all(Rule("r", ALLOW, subscribe=(pattern,)), deny_all)
    assert may_have_all(Rule("r", ALLOW, subscribe=("P", "*")), deny_all)
    # It would bring what is denied.
    secret = Rule("s", DENY, subscribe=("Secret",))
    assert not may_have_all(secret)
    assert not may_have_all(secret, Rule("r", ALLOW, subscribe=("*",)))
    assert may_have_all(Rule("r", ALLOW, subscribe=("*",)), secret)
    assert may_have_all(Rule("s", DENY, ("other",), subscribe=("Secret",)))
    assert may_have_all(Rule("s", DENY, publish=("*",)))


def test_a_subscription_brings_derived_types_too(tmp_path: Path) -> None:
    derived = 'substitutionGroup="t:{}"'
    elements = (
        element("A"),
        element("B", more=derived.format("A")),
        element("C", more=derived.format("B")),
        element("D", more=derived.format("A")),
    )
    known = catalog(tmp_path, {"a.xsd": xsd("".join(elements))})
    a, b, c, d = (f"{T}{name}" for name in "ABCD")
    assert lineages(known, ["B"]) == ((a, b), (a, b, c))
    assert lineages(known, [d, "B", "D"]) == ((a, d), (a, b), (a, b, c))
    assert lineages(known, ["A"]) == ((a,), (a, b), (a, b, c), (a, d))
    assert lineages(known, []) == ((EVERYTHING,),)
    with pytest.raises(UnknownEventType, match="no schema declares E"):
        lineages(known, ["E"])


@pytest.mark.parametrize(
    ("action", "names", "text"),
    [
        (PUBLISH, [BASE, PHONE], "sending the event 'org.clacks.event.PhoneStatus'"),
        (SUBSCRIBE, [PHONE], "receiving the event 'org.clacks.event.PhoneStatus'"),
        (SUBSCRIBE, [EVERYTHING], "receiving the event 'org.clacks.event.*'"),
        (COMMAND, ["sendEvent"], "calling the command 'sendEvent'"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence(
    action: Action, names: list[str], text: str
) -> None:
    OPEN.check(action, "alice", names)
    with pytest.raises(AccessDenied) as caught:
        Policy().check(action, "alice", names)
    assert str(caught.value) == f"{text} is not permitted"
    assert caught.value.__notes__ == ["no rule fits, and the default is to deny"]


def test_the_domain_and_the_groups_of_a_refusal() -> None:
    policy = allows("group:ops")
    policy.check(COMMAND, None, ["x"], groups=["ops"])
    with pytest.raises(AccessDenied) as caught:
        policy.check(PUBLISH, None, [PHONE], "net.example", groups=["ops"])
    assert str(caught.value) == "sending the event 'net.example.event.PhoneStatus' is not permitted"


def test_a_verdict_says_which_rule_decides_and_why() -> None:
    rules = (
        Rule("no secrets", DENY, ("b*",), subscribe=("Secret",)),
        Rule("rule 2", ALLOW, ("group:ops",), publish=("Base",), commands=("get*",)),
        Rule("rule three", ALLOW, ("anonymous",), subscribe=("*",)),
        Rule("rule 4", DENY, publish=("{urn:x}*",)),
    )
    policy = Policy(rules, groups={"ops": ["alice"]})

    def says(action: Action, user: str | None, *names: str) -> str:
        return policy.decide(action, user, names).says

    assert says(PUBLISH, "alice", BASE, DERIVED) == (
        "rule 2 allows it: it is for 'group:ops', and 'Base' fits 'Base', a base type of 'Derived'"
    )
    assert says(COMMAND, "alice", "getNodes") == (
        "rule 2 allows it: it is for 'group:ops', and 'get*' fits 'getNodes'"
    )
    assert says(SUBSCRIBE, "bob", EVERYTHING) == (
        "rule 'no secrets' denies it: it is for 'b*', and 'Secret' is a part of everything"
    )
    assert says(SUBSCRIBE, None, EVERYTHING) == (
        "rule 'rule three' allows it: it is for anonymous, and '*' is everything"
    )
    assert says(PUBLISH, "bob", DERIVED) == (
        "rule 4 denies it: it is for everybody, and '{urn:x}*' fits 'Derived'"
    )


def test_rules_that_are_passed_over_have_their_reasons() -> None:
    rules = (
        Rule("rule 1", ALLOW, commands=("*",)),
        Rule("rule 2", ALLOW, ("bob", "group:ops"), publish=("*",)),
        Rule("rule 3", ALLOW, publish=tuple("ABCDEFGHIJ")),
        Rule("rule 4", DENY, publish=("Derived",)),
        Rule("rule 5", DENY, publish=("Derived",)),
    )
    assert Policy(rules).passed_over(PUBLISH, "carol", [BASE, DERIVED]) == (
        "rule 1 has no publish",
        "rule 2 is not for 'carol': who 'bob', 'group:ops'",
        "rule 3 does not fit 'Derived': publish 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', …",
    )
    alone = Policy(rules[1:2])
    assert alone.passed_over(PUBLISH, None, [BASE])[0].startswith(
        "rule 2 is not for somebody without a name: "
    )
    assert alone.passed_over(PUBLISH, "carol", [BASE], groups=["ops"]) == ()


def test_secrets_are_never_shown() -> None:
    policy = Policy(users={"alice": User(("ops",), token="s3cret", password="s3cret")})
    assert "alice" in repr(policy)
    assert "s3cret" not in repr(policy)
    assert policy.users["alice"].token == "s3cret"


NAMES = st.text("ab", max_size=4)
GLOBS = st.text("ab*", min_size=1, max_size=5)
RULES = st.builds(
    Rule,
    st.just("r"),
    st.sampled_from(Effect),
    st.none() | st.lists(GLOBS, max_size=2).map(tuple),
    subscribe=st.lists(GLOBS, min_size=1, max_size=2).map(tuple),
)


@given(st.lists(RULES, max_size=4), st.sampled_from(Effect), NAMES, st.lists(NAMES, min_size=1))
def test_whoever_may_have_everything_may_have_each_type(
    rules: list[Rule], default: Effect, user: str, lineage: list[str]
) -> None:
    policy = Policy(tuple(rules), default)
    if policy.decide(SUBSCRIBE, user, [EVERYTHING]).is_allowed:
        assert policy.decide(SUBSCRIBE, user, lineage).is_allowed
