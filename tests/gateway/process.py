"""Gateways as processes, as ``clacks-events serve --http`` runs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.program import Program
from tests.harness.waiting import wait_until

__all__ = ["HERE", "serving"]

HERE = "127.0.0.1:0"
"""Any port of this host."""

_URL = re.compile(r"gateway at (https?://\S+)\n")


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[Program, str]]:
    """Run ``clacks-events serve`` with a gateway; gives the program and the URL of the gateway."""
    with Program("serve", *arguments) as program:
        program.wait_for("gateway at ")
        found = wait_until(lambda: _URL.search(program.err), message=program.report)
        assert found is not None
        yield program, found[1]
