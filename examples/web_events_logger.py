"""Show the last events of a bus in the browsers of this machine.

python examples/web_events_logger.py --url zmq://127.0.0.1:5570 --listen 127.0.0.1:8000

/                      the last events, newest first; sender=, event=, fmt=plain or html
/regs /registrations   what is listened to: everything, at first
/add /remove /rem      change that; sender=, event=
/clear /flush          forget the events
/config /cfg           how many are kept; limit=

A GET changes nothing: it shows a form, and what that sends makes the change.
"""

import argparse
import ipaddress
import re
import signal
import socket
import sys
from pathlib import Path

import uvicorn

# A program knows its own directory only; the rest of this one is in web_logger, beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clacks_events import ClacksError, connect
from examples.web_logger.guard import LOOPBACK, Guard
from examples.web_logger.pages import Pages

URL = "zmq://127.0.0.1:5570"
ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:/@\[\]\s]+):(?P<port>\d{1,5})")
MOST_CONNECTIONS = 64
LONGEST_HEAD = 2**14  # bytes of a request before its body


def address(text: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT; an IPv6 host keeps its brackets."""
    found = ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text!r}")
    return found["host"].lower(), int(found["port"])


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=URL, help="the broker (default: %(default)s)")
    parser.add_argument("--schemas", action="append", default=[], metavar="DIR")
    parser.add_argument(
        "--listen",
        type=address,
        default="127.0.0.1:8000",
        metavar="HOST:PORT",
        help="where the pages are (default: %(default)s); port 0 is any free port",
    )
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name of this server in browsers, beside localhost and where it listens",
    )
    return parser.parse_args()


def opened(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise OSError."""
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return socket.create_server((host.strip("[]"), port), family=family)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine gets there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def server(guard: Guard) -> uvicorn.Server:
    """Return the server, with bounds on what clients can make of it."""
    return uvicorn.Server(
        uvicorn.Config(
            guard,
            http="h11",  # the one that bounds the head of a request
            h11_max_incomplete_event_size=LONGEST_HEAD,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=2,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_level="warning",
        )
    )


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    arguments = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    host, port = arguments.listen
    if not is_loopback(host):
        print(f"{host} is open to other machines: they can read all events", file=sys.stderr)
    with (
        opened(host, port) as listening,
        connect(arguments.url, schemas=arguments.schemas) as bus,
    ):
        pages = Pages(bus)
        names = dict.fromkeys((*LOOPBACK, host, *map(str.lower, arguments.host)))
        place = f"http://{host}:{listening.getsockname()[1]}/"
        print(f"events are shown at {place}; Ctrl-C ends", flush=True)
        server(Guard(pages.app(), tuple(names))).run(sockets=[listening])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except OSError as error:
        sys.exit(f"cannot listen: {error}")
    except ClacksError as error:
        sys.exit(str(error))
