"""Print events, one line of JSON each, of a sender, of a type, by a query, or all.

python examples/generic_listener.py --type PhoneStatus --query "//e:Status = 'busy'"
"""

import argparse
import json
import sys

from clacks_events import ClacksError, connect

URL = "zmq://127.0.0.1:5570"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=URL, help="the broker (default: %(default)s)")
    parser.add_argument("--sender", help="only events of this source; it may come later")
    parser.add_argument("--type", help="only events of this type, or of one derived from it")
    parser.add_argument("--query", help="only events for which this XQuery is true")
    parser.add_argument("--schemas", action="append", default=[], metavar="DIR")
    parser.add_argument("--count", type=int, help="how many events (default: until Ctrl-C)")
    return parser.parse_args()


def main() -> None:
    """Print until there were enough."""
    arguments = options()
    types = [arguments.type] if arguments.type else []
    with connect(arguments.url, schemas=arguments.schemas) as bus:
        events = bus.subscribe(arguments.query, types=types, source=arguments.sender)
        print("listening; Ctrl-C ends", flush=True)
        for number, event in enumerate(events, 1):
            # Only ASCII: nothing in an event can do anything to the terminal.
            print(json.dumps(event.json()), flush=True)
            if number == arguments.count:
                return


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except ClacksError as error:
        sys.exit(str(error))
