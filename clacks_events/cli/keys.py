"""``clacks-events keys``: the keys of an embedded server and of its clients."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import quote

from clacks_events.embedded import key_files, make_keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="where the server's keys are")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a client; the server knows who sends by this name"
    )
    parser.epilog = (
        "Keys that are there already are kept. A client is let in as long as its public key is in\n"
        "DIR/clients: copy a key there, or remove it, while the server runs."
    )


def run(arguments: argparse.Namespace) -> int:
    """Make what is missing, and print what there is and what it is for."""
    # Absolute, so that what is printed can be used from anywhere.
    directory = arguments.directory.absolute()
    public, secret = _keys(directory, None)
    print(f"server   {public}    (public: clients need it)")
    print(f"         {secret}    (secret: stays with the server)")
    print(f"  clacks-events serve --listen HOST:PORT --keys {directory}")
    for name in dict.fromkeys(arguments.names):
        ours, hidden = _keys(directory, name)
        print(f"client   {ours}    (public: lets {name} in)")
        print(f"         {hidden}    (secret: for {name} alone)")
        print(f"  zmq://HOST:PORT?client_key={quote(str(hidden))}&server_key={quote(str(public))}")
    return 0


def _keys(directory: Path, name: str | None) -> tuple[Path, Path]:
    files = key_files(directory, name)
    return files if all(file.exists() for file in files) else make_keys(directory, name)
