"""Push events of one type under a name, and say whether anyone listens.

    python examples/generic_server.py
    python examples/generic_sender.py --name desk --type PhoneStatus \\
        --field CallerId=100 --field ReceiverId=300 --field Status=busy

Without --field the catalog makes a sample event. The sender answers requests as well:
``bus.request("desk", "echo", ["hello"])``.
"""

import argparse
import itertools
import sys
import time

from clacks_events import Bus, ClacksError, connect

URL = "zmq://127.0.0.1:5570"


def field(text: str) -> tuple[str, str]:
    """Take NAME=VALUE apart."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=URL, help="the broker (default: %(default)s)")
    parser.add_argument("--name", required=True, help="name of the sender, unique on the bus")
    parser.add_argument("--type", required=True, help="event type that it sends")
    parser.add_argument("--field", type=field, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--schemas", action="append", default=[], metavar="DIR")
    parser.add_argument("--count", type=int, help="how many events (default: until Ctrl-C)")
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS")
    return parser.parse_args()


def echo(text: str) -> str:
    """Answer a request: with what was given. Methods run on threads of their own."""
    print(f"asked to echo {text!r}", flush=True)
    return text


def push(bus: Bus, arguments: argparse.Namespace) -> None:
    """Push the event again and again."""
    fields = dict(arguments.field)
    with bus.sender(arguments.name, [arguments.type], methods={"echo": echo}) as sender:
        signal = sender.signal(arguments.type)
        print(f"{sender.name} is on the bus; Ctrl-C ends", flush=True)
        for number in itertools.count(1):
            # Plain data will do: the schema knows what of it is of which type.
            payload = fields or bus.catalog.sample(arguments.type)
            count = signal.push(payload)
            print(f"{number}: {f'{count} listening' if count else 'nobody listens'}", flush=True)
            if number == arguments.count:
                return
            time.sleep(arguments.interval)


def main() -> None:
    """Connect and push."""
    arguments = options()
    with connect(arguments.url, schemas=arguments.schemas) as bus:
        push(bus, arguments)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except ClacksError as error:
        sys.exit(str(error))
