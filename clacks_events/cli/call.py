"""``clacks-events call``: a command of an agent, from the shell."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from clacks_events.cli.options import add_url, positive, short_name, url_of, wrong_usage
from clacks_events.cli.output import plain, use_utf8
from clacks_events.errors import ClacksError
from clacks_events.proxy import AMQPServiceProxy
from clacks_events.rpc import DEFAULT_QUEUE

_NAMED = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL | re.ASCII)
_GLANCE = 1.0  # seconds that --help waits for an agent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    # In place of the one that is there: it knows the commands, too.
    parser.add_argument_group(conflict_handler="resolve").add_argument(
        "-h", "--help", action=_Help, nargs=0, help="show this, and what the agent offers"
    )
    parser.add_argument("method", metavar="METHOD", nargs="?", help="the command")
    parser.add_argument(
        "params",
        metavar="JSON",
        nargs="*",
        help="its arguments as JSON, either all by place or all as NAME=JSON",
    )
    add_url(parser)
    parser.add_argument(
        "--agent", type=short_name, default=DEFAULT_QUEUE, help=f"its queue ({DEFAULT_QUEUE})"
    )
    parser.add_argument(
        "--node", type=short_name, help="one of the agents of that queue (default: any)"
    )
    parser.add_argument(
        "--timeout", type=positive, default=10.0, metavar="S", help="seconds to wait (10)"
    )
    parser.add_argument("--list", action="store_true", help="list the commands")
    parser.epilog = (
        "The result is printed as JSON. Text is JSON in quotes, which the shell takes off:\n"
        "clacks-events call getEventSchema '\"PhoneStatus\"'"
    )


def run(arguments: argparse.Namespace) -> int:
    """Call, and print the result."""
    if (arguments.method is None) != arguments.list:
        wrong_usage(arguments, "give a METHOD" if not arguments.list else "--list takes no METHOD")
    url = url_of(arguments)
    args, kwargs = _parameters(arguments)
    use_utf8()
    with _connected(url, arguments, arguments.timeout) as proxy:
        if arguments.list:
            print("\n".join(_listed(proxy.getMethods())))
        else:
            result = proxy[arguments.method](*args, **kwargs)
            print(json.dumps(result, indent=2, ensure_ascii=False))
    return 0


def _connected(url: str, arguments: argparse.Namespace, timeout: float) -> AMQPServiceProxy:
    return AMQPServiceProxy(url, timeout=timeout, agent=arguments.agent, node=arguments.node)


def _parameters(arguments: argparse.Namespace) -> tuple[list[Any], dict[str, Any]]:
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for place, text in enumerate(arguments.params, 1):
        found = _NAMED.fullmatch(text)
        if found is None:
            args.append(_json(arguments, f"argument {place}", text))
        elif found["name"] in kwargs:
            wrong_usage(arguments, f"{found['name']} is given twice")
        else:
            kwargs[found["name"]] = _json(arguments, found["name"], found["value"])
    if args and kwargs:
        wrong_usage(arguments, "arguments are either all by place or all as NAME=JSON")
    return args, kwargs


def _json(arguments: argparse.Namespace, what: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        quoted = json.dumps(text[:40], ensure_ascii=False)
        hint = f"; as text it is {quoted}" if re.match(r"[^\[{\"]", text) else ""
        wrong_usage(arguments, f"{what} is not JSON: {error}{hint}")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _listed(methods: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, said in sorted(methods.items()):
        parameters = said.get("parameters", ()) if isinstance(said, dict) else ()
        summary = str(said.get("documentation", "")).partition("\n")[0]
        line = f"{name}({', '.join(map(_parameter, parameters))})"
        lines.append(plain(f"{line}  {summary}" if summary else line))
    return lines


def _parameter(said: Any) -> str:
    if not isinstance(said, dict):
        return str(said)
    name = str(said.get("name", "?"))
    kind = said.get("schema", {}).get("type")
    typed = f"{name}: {kind}" if isinstance(kind, str) else name
    return f"{typed} = {json.dumps(said['default'])}" if "default" in said else typed


class _Help(argparse.Action):
    """Prints the help, and the commands of the agent if one is at hand."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        del values, option_string
        parser.print_help()
        # Whoever asks for help does not ask for the errors of a connection.
        with suppress(ClacksError):
            if namespace.url:
                with _connected(namespace.url, namespace, _GLANCE) as proxy:
                    listed = "\n  ".join(_listed(proxy.getMethods()))
                    print(f"\ncommands of {namespace.agent}:\n  {listed}")
        sys.stdout.flush()
        parser.exit()
