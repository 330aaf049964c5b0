"""How long do importing, the command line and connecting take?"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bench import headline, table

ROOT = Path(__file__).parents[2]
ROUNDS = 11
IMPORT_ASKED = 150  # milliseconds more than lxml and kombu alone
TYPES_ASKED = 1000  # milliseconds

TIMED = """
import time
begun = time.perf_counter()
{code}
print((time.perf_counter() - begun) * 1000)
"""
CONNECT = """
import clacks_events
begun = time.perf_counter()
bus = clacks_events.connect('memory://')
"""
QUERY = """
import clacks_events
bus = clacks_events.connect('memory://')
begun = time.perf_counter()
bus.subscribe('./e:Event/e:PhoneStatus')
"""


def run(*arguments: str) -> str:
    """Run a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def within(code: str) -> Callable[[], float]:
    """Time code inside of an interpreter that has just started, in milliseconds."""
    return lambda: float(run("-c", TIMED.format(code=code)))


def around(*arguments: str) -> Callable[[], float]:
    """Time an interpreter from its start to its end, in milliseconds."""

    def measure() -> float:
        begun = time.perf_counter()
        run(*arguments)
        return (time.perf_counter() - begun) * 1000

    return measure


def main() -> None:
    ways = {
        "import lxml.etree, kombu": within("import lxml.etree, kombu, kombu.connection"),
        "import clacks_events": within("import clacks_events"),
        "connect('memory://')": within(CONNECT),
        "the first query": within(QUERY),
        "python -c pass, as a whole": around("-c", "pass"),
        "clacks-events types, as a whole": around("-m", "clacks_events", "types"),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, ROUNDS):
        for name, measure in ways.items():
            taken[name].append(measure())
            if number < 0:
                taken[name].clear()
    report({name: sorted(times) for name, times in taken.items()})


def report(taken: dict[str, list[float]]) -> None:
    headline(f"fresh interpreters, {ROUNDS} rounds")
    table(
        ("what", "ms", "least", "most"),
        [
            (name, f"{median(times):,.0f}", f"{times[0]:,.0f}", f"{times[-1]:,.0f}")
            for name, times in taken.items()
        ],
    )
    bare, ours, *_, types = (median(times) for times in taken.values())
    print(
        f"import: {ours - bare:+,.0f} ms beside lxml and kombu; asked < {IMPORT_ASKED}: "
        f"{'yes' if ours - bare < IMPORT_ASKED else 'NO'}"
    )
    print(f"types: asked < {TYPES_ASKED} ms: {'yes' if types < TYPES_ASKED else 'NO'}")


if __name__ == "__main__":
    main()
