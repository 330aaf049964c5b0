"""Start the embedded server and say which senders come and go; Ctrl-C ends it.

A server that answers at the address already is used instead, and left running.
"""

import argparse
import sys
import threading

from clacks_events import ClacksError, connect, ensure_server
from clacks_events.presence import Announcement, Change

URL = "zmq://127.0.0.1:5570"


def described(sender: Announcement) -> str:
    """Return what a sender told of itself, in one line."""
    types, methods = ", ".join(sender.types), ", ".join(sender.methods)
    offers = f"types {types or 'none'}; methods {methods or 'none'}"
    return f"{sender.name} on {sender.origin}: {offers}"


def tell(change: Change) -> None:
    """Print what became of a sender: announced, changed, or left for a reason."""
    why = f" ({change.reason})" if change.reason else ""
    print(f"{change.kind.value}{why}: {described(change.announcement)}", flush=True)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL, help="where to listen; port 0 is any free port")
    arguments = parser.parse_args()
    with ensure_server(arguments.url) as server, connect(server.url) as bus:
        roster = bus.roster()
        roster.on_change(tell)
        whose = "started" if server.is_owner else "somebody else's"
        print(f"server at {server.url} ({whose}); Ctrl-C ends", flush=True)
        for sender in roster:
            print(f"here: {described(sender)}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except ClacksError as error:
        sys.exit(str(error))
