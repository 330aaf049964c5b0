"""The demo: a server, two publishers and two consumers, without a broker: ``./dev demo``.

It checks itself: the exit code is 1 if anything did not happen as it should.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from clacks_events import ClacksError, ensure_server
from examples.demo.screen import Screen
from examples.demo.stage import Broken, Refused
from examples.demo.tour import Tour


def main() -> int:
    """Go on the tour and tell how it went."""
    screen = Screen()
    with ExitStack() as stack:
        try:
            schemas = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(ensure_server("zmq://127.0.0.1:0"))
            Tour(screen, server.url, schemas, stack).run()
        except (Broken, Refused, ClacksError, TimeoutError) as error:
            screen.promise(False, f"{type(error).__name__}: {error}")
    print("\nAll as promised." if screen.is_as_promised else "\nNot as promised: see above.")
    return 0 if screen.is_as_promised else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
