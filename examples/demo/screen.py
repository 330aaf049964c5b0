"""Where the tour is printed."""

from __future__ import annotations

import os
import sys
import textwrap


class Screen:
    """Prints the tour, coloured on a terminal, and remembers what went wrong."""

    def __init__(self) -> None:
        self._is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.is_as_promised = True

    def paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_coloured else text

    def chapter(self, title: str) -> None:
        print(f"\n{self.paint('1;36', title)}", flush=True)

    def show(self, label: str, text: str, code: str = "1") -> None:
        """Print a text of one or more lines behind a label."""
        first, *rest = text.splitlines() or [""]
        print(f"  {self.paint(code, f'{label:9}')} {first}", flush=True)
        for line in rest:
            print(f"  {'':9} {line}", flush=True)

    def good(self, label: str, text: str) -> None:
        self.show(label, text, "1;32")

    def bad(self, label: str, text: str) -> None:
        """Print what is refused or lost, as it should be."""
        self.show(label, text, "1;31")

    def quiet(self, label: str, text: str) -> None:
        self.show(label, text, "2")

    def dim(self, text: str) -> None:
        print(self.paint("2", textwrap.indent(text, " " * 12)), flush=True)

    def promise(self, is_kept: bool, text: str) -> None:
        """Print what was to happen if it did not."""
        if not is_kept:
            self.is_as_promised = False
            print(f"  {self.paint('1;31', 'WRONG')}     {text}", flush=True)
