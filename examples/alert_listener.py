"""Show Notification events on the desktop, with ``notify-send``, or else on the terminal."""

import argparse
import getpass
import html
import shutil
import subprocess
import sys

from clacks_events import ClacksError, Event, connect

URL = "zmq://127.0.0.1:5570"
LONGEST = 1000  # characters; who sends more wants something else than to be read
PATIENCE = 5.0  # seconds for a desktop that does not answer


def wanted_by(user: str) -> str:
    """Return the query for what one user is to see."""
    # In XQuery text a quote is doubled, and & begins a reference.
    literal = user.replace("&", "&amp;").replace("'", "''")
    return f"/e:Event/e:Notification[e:Target = '{literal}']"


def text_of(event: Event, field: str) -> str:
    """Return a field of the event, cut and without what could steer a terminal."""
    text = event.payload.findtext(f"{{*}}{field}", "")[:LONGEST]
    return "".join(char if char.isprintable() else " " for char in text).strip()


def command(event: Event, program: str) -> list[str]:
    """Return what shows an event: a list of arguments, so that no shell reads any of it."""
    arguments = [program, "--app-name=clacks-events"]
    timeout = int(event.payload.findtext("{*}Timeout", "0"))
    if timeout > 0:
        arguments.append(f"--expire-time={timeout}")
    # The icon is left out: a path or URL in it would be opened. After -- nothing is an option,
    # and what a desktop would take for markup is shown as it is.
    return [*arguments, "--", text_of(event, "Title") or "Notification", markup(event)]


def markup(event: Event) -> str:
    """Return the text of an event as the desktop wants it."""
    return html.escape(text_of(event, "Body"), quote=False)


def show(event: Event) -> None:
    """Show an event on the desktop; where that does not work, print it."""
    program = shutil.which("notify-send")
    try:
        if program:
            subprocess.run(command(event, program), check=True, timeout=PATIENCE)
            print(f"shown {event.id}", flush=True)
            return
    except (OSError, subprocess.SubprocessError) as error:
        print(f"notify-send: {type(error).__name__}", file=sys.stderr)
    print(f"{text_of(event, 'Title') or 'Notification'}: {text_of(event, 'Body')}", flush=True)


def main() -> None:
    """Show what comes for a user."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL, help="the broker (default: %(default)s)")
    parser.add_argument("--user", default=getpass.getuser(), help="whose (default: %(default)s)")
    parser.add_argument("--count", type=int, help="how many events (default: until Ctrl-C)")
    arguments = parser.parse_args()
    with connect(arguments.url) as bus:
        events = bus.subscribe(wanted_by(arguments.user))
        print(f"waiting for notifications to {arguments.user}; Ctrl-C ends", flush=True)
        for number, event in enumerate(events, 1):
            show(event)
            if number == arguments.count:
                return


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except ClacksError as error:
        sys.exit(str(error))
