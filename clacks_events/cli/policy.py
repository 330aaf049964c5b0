"""``clacks-events policy``: who may do what by a policy file, and secrets for users in it."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from functools import partial

from clacks_events.agent.policy import EVERYTHING, Action, Policy, Verdict, lineages
from clacks_events.agent.policy_file import read_policy
from clacks_events.agent.policy_text import check_user
from clacks_events.agent.secrets import LONGEST, hash_secret, new_token
from clacks_events.catalog import Catalog
from clacks_events.cli.options import add_schemas, schema_directories, short_name, wrong_usage
from clacks_events.cli.output import complain, plain
from clacks_events.errors import ClacksError, ConfigError
from clacks_events.xml import local_name

_UNUSABLE = 2  # neither allowed nor denied: nothing was decided


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    verbs = parser.add_subparsers(dest="what", metavar="check|hash|token", required=True)
    check = _verb(verbs, "check", _check, "tell whether something is allowed")
    _add_check(check)
    secret = _verb(verbs, "hash", _hash, "hash a password for a policy file")
    secret.epilog = (
        "Asks for the password, twice, or reads one line of standard input. Prints what goes into\n"
        "the file as the password of a user."
    )
    token = _verb(verbs, "token", _token, "make a token for a user")
    token.add_argument("user", type=short_name, help="whose it is")
    token.epilog = (
        "Prints the token, which is nowhere kept, and the line for the policy file below\n"
        "[users.USER]. A new one takes the place of the one before."
    )


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.set_defaults(parser=verb, run=run)
    # As before the name: what is not given here leaves what was given there.
    verb.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="log what happens"
    )
    return verb


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the policy, a TOML file")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", type=short_name, help="who asks")
    who.add_argument("--anonymous", action="store_true", help="somebody without a name asks")
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        help="a further group of the user; may be given several times",
    )
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--publish", metavar="TYPE", help="publish an event of this type")
    asked.add_argument(
        "--subscribe", metavar="TYPE", help="receive events of this type; '*' is everything"
    )
    asked.add_argument("--command", metavar="NAME", help="call this command")
    add_schemas(parser)
    parser.epilog = (
        "Prints which rule decides, with --verbose also why those before it do not. The exit code\n"
        "is 0 for allowed, 1 for denied, 2 for a file that cannot be used."
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; of a check, the exit code is 1 if the answer is no."""
    return int(arguments.run(arguments))


def _hash(_: argparse.Namespace) -> int:
    print(hash_secret(_asked_secret() if _is_terminal() else _read_secret()))
    return 0


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _asked_secret() -> str:
    try:
        secret = getpass.getpass("Password: ")
        again = getpass.getpass("Again: ")
    except EOFError:
        raise ConfigError("no password was given") from None
    if again != secret:
        raise ConfigError("these are not the same")
    return secret


def _read_secret() -> str:
    # One character more than may be, so that a longer one is not cut off silently.
    line = "" if sys.stdin is None else sys.stdin.readline(LONGEST + 2)
    return line.removesuffix("\n").removesuffix("\r")


def _token(arguments: argparse.Namespace) -> int:
    check_user(arguments.user)
    token = new_token(arguments.user)
    print(token)
    print(f'token = "{hash_secret(token)}"', flush=True)
    print(
        plain(
            f"The first line is the token of {arguments.user}; it is shown only once. The second"
            " goes into the policy file, below the user."
        ),
        file=sys.stderr,
    )
    return 0


def _check(arguments: argparse.Namespace) -> int:
    if arguments.group and arguments.anonymous:
        wrong_usage(arguments, "--group needs --user")
    try:
        return _decide(arguments)
    except (ClacksError, OSError) as error:
        # Not 1, which would be an answer.
        complain(error)
        return _UNUSABLE


def _decide(arguments: argparse.Namespace) -> int:
    policy = read_policy(arguments.file)
    _check_groups(policy, arguments)
    action, asked = _asked(arguments)
    decide = partial(policy.decide, action, arguments.user, groups=arguments.group)
    # A subscription to a type brings those derived from it as well: one that is denied is enough.
    verdicts = [(names, decide(names)) for names in asked]
    names, verdict = next((each for each in verdicts if not each[1].is_allowed), verdicts[0])
    if arguments.verbose:
        for line in policy.passed_over(action, arguments.user, names, groups=arguments.group):
            print(plain(line))
    print(plain(_answer(verdict, names, asked[0])))
    return int(not verdict.is_allowed)


def _check_groups(policy: Policy, arguments: argparse.Namespace) -> None:
    unknown = sorted(set(arguments.group) - policy.group_names)
    if unknown:
        known = ", ".join(sorted(policy.group_names)) or "none"
        raise ConfigError(f"{arguments.file}: no group {unknown[0]!r}; known: {known}")


def _asked(arguments: argparse.Namespace) -> tuple[Action, Sequence[Sequence[str]]]:
    if arguments.command is not None:
        return Action.COMMAND, [(arguments.command,)]
    if arguments.subscribe == EVERYTHING:
        return Action.SUBSCRIBE, [(EVERYTHING,)]
    catalog = Catalog(schema_directories(arguments), strict=False)
    if arguments.subscribe is not None:
        return Action.SUBSCRIBE, lineages(catalog, [catalog.type(arguments.subscribe).name])
    return Action.PUBLISH, [catalog.lineage(catalog.type(arguments.publish).name)]


def _answer(verdict: Verdict, names: Sequence[str], asked: Sequence[str]) -> str:
    answer = "allowed" if verdict.is_allowed else "denied"
    about = "" if names == asked else f" {local_name(names[-1])}, which comes with it"
    return f"{answer}{about}: {verdict.says}"
