"""Print each PhoneStatus event. Start this first, then sender.py in another terminal.

The broker's URL may be given as an argument.
"""

import sys

from lxml import etree, objectify

from clacks_events import AMQPEventConsumer

URL = "amqp://admin:secret@localhost/org.clacks"

XQUERY = """
declare namespace f='http://www.gonicus.de/Events';
let $e := ./f:Event
return $e/f:PhoneStatus
"""


def process(data: objectify.ObjectifiedElement) -> None:
    """Get the whole event, whatever the query returns."""
    print(etree.tostring(data, pretty_print=True).decode())
    print("status:", data.PhoneStatus.Status, flush=True)


def main() -> None:
    """Receive until Ctrl-C."""
    url = sys.argv[1] if len(sys.argv) > 1 else URL
    with AMQPEventConsumer(url, xquery=XQUERY, callback=process) as consumer:
        print("waiting for PhoneStatus events; Ctrl-C ends", flush=True)
        try:
            consumer.join()
        except KeyboardInterrupt:
            print("bye")


if __name__ == "__main__":
    main()
