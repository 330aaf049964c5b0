"""Ask the car for its speed in km/h, every second, and read it in a loop."""

import argparse
import sys
from pathlib import Path

from clacks_events import ClacksError, connect

URL = "zmq://127.0.0.1:5570"
SCHEMAS = Path(__file__).parent / "schemas"


def main() -> None:
    """Print speeds until there were enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL, help="the server (default: %(default)s)")
    parser.add_argument("--period", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--count", type=int, help="how many events (default: until Ctrl-C)")
    arguments = parser.parse_args()
    with connect(arguments.url, schemas=[SCHEMAS]) as bus:
        wanted = {"signal": "speed", "unit": "km/h", "period": arguments.period}
        source = str(bus.request("car", "subscribe", wanted))
        print(f"listening to {source}; Ctrl-C ends", flush=True)
        # The car begins to push when this subscription is there, and stops when it is closed.
        for number, event in enumerate(bus.subscribe(types=["Speed"], source=source), 1):
            print(event.payload.findtext("{*}Value"), "km/h", flush=True)
            if number == arguments.count:
                return


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except ClacksError as error:
        sys.exit(str(error))
