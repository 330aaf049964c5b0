"""Ask the car for its speed in mph, twice a second, and have a function called with it.

Unlike kmh_client.py this may be started before the agent: it waits until the car is there.
"""

import argparse
import sys
import threading
from pathlib import Path

from clacks_events import ClacksError, Event, connect

URL = "zmq://127.0.0.1:5570"
SCHEMAS = Path(__file__).parent / "schemas"


class Display:
    """Shows speeds, and knows when there were enough."""

    def __init__(self, count: int | None) -> None:
        self.is_done = threading.Event()
        self._left = count

    def show(self, event: Event) -> None:
        """Print one; called on a thread of the bus."""
        if self.is_done.is_set():
            return
        print(event.payload.findtext("{*}Value"), "mph", flush=True)
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self.is_done.set()


def main() -> None:
    """Have speeds shown until there were enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL, help="the server (default: %(default)s)")
    parser.add_argument("--period", type=float, default=0.5, metavar="SECONDS")
    parser.add_argument("--count", type=int, help="how many events (default: until Ctrl-C)")
    parser.add_argument("--patience", type=float, default=60.0, metavar="SECONDS")
    arguments = parser.parse_args()
    display = Display(arguments.count)
    with connect(arguments.url, schemas=[SCHEMAS]) as bus:
        bus.roster().wait_for("car", timeout=arguments.patience)
        wanted = {"signal": "speed", "unit": "mph", "period": arguments.period}
        source = str(bus.request("car", "subscribe", wanted))
        print(f"listening to {source}; Ctrl-C ends", flush=True)
        bus.listen(display.show, sender=source, type="Speed")
        display.is_done.wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except (ClacksError, TimeoutError) as error:
        sys.exit(str(error))
