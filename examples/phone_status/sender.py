"""Let an agent publish one PhoneStatus event.

An agent is started by ``docker compose up`` or ``clacks-events serve``. The broker's URL may be
given as an argument.
"""

import sys

from clacks_events import AMQPServiceProxy, EventMaker

URL = "amqp://admin:secret@localhost/org.clacks"


def main() -> None:
    """Build the event and hand it over; the agent validates it."""
    e = EventMaker()
    event = e.Event(e.PhoneStatus(e.CallerId("012345"), e.ReceiverId("12343424"), e.Status("busy")))
    with AMQPServiceProxy(sys.argv[1] if len(sys.argv) > 1 else URL) as proxy:
        print("sent", proxy.sendEvent(event))


if __name__ == "__main__":
    main()
