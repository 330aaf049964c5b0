"""What the benchmarks share: rounds that alternate, and the table of what came out."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.harness.broker import Broker
from tests.harness.certificates import issue_certificates
from tests.harness.config import NodeConfig
from tests.harness.rabbitmq import NO_BROKER, find_brokers

__all__ = ["Contender", "Cost", "alternate", "headline", "running_broker", "show", "table", "timed"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one event took, in microseconds: of the clock, and of this process's CPU."""

    wall: float
    cpu: float


@dataclass(slots=True)
class Contender:
    """One way to do the thing, and what its rounds have cost."""

    name: str
    round: Callable[[], Cost]
    rival: Contender | None = None
    """Whom its rate is divided by."""
    asked: float | None = None
    """The ratio that it is to reach."""
    costs: list[Cost] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return median(cost.wall for cost in self.costs)

    @property
    def cpu(self) -> float:
        return median(cost.cpu for cost in self.costs)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles of the clock, as a part of the median."""
        ordered = sorted(cost.wall for cost in self.costs)
        quarter = len(ordered) // 4
        return (ordered[-1 - quarter] - ordered[quarter]) / 2 / self.wall

    def ratio(self, measure: str = "wall") -> float | None:
        """Return how fast this is beside its rival: the median over the rounds."""
        if self.rival is None:
            return None
        pairs = zip(self.costs, self.rival.costs, strict=True)
        return float(median(getattr(his, measure) / getattr(own, measure) for own, his in pairs))


def timed(action: Callable[[], object], times: int) -> Cost:
    """Run an action many times and return what one run took."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        action()
    return Cost(
        (time.perf_counter() - wall) * 1e6 / times, (time.process_time() - cpu) * 1e6 / times
    )


def alternate(contenders: Sequence[Contender], rounds: int) -> None:
    """Let everyone run once unseen, then in turns, so that noise from outside hits all alike."""
    for contender in contenders:
        contender.round()
    for number in range(rounds):
        # Backwards each second time: whoever comes first is not always the same.
        for contender in contenders[:: -1 if number % 2 else 1]:
            contender.costs.append(contender.round())


def headline(text: str) -> None:
    """Begin a part of the report."""
    print(f"\n{text}")


def show(contenders: Sequence[Contender]) -> None:
    """Print what the rounds have cost."""
    rows = [
        (
            each.name,
            f"{each.wall:,.1f}",
            f"±{each.spread:.0%}",
            f"{each.cpu:,.1f}",
            f"{1e6 / each.wall:,.0f}",
            _number(each.ratio()),
            _number(each.ratio("cpu")),
            _verdict(each),
        )
        for each in contenders
    ]
    names = ("contender", "µs", "noise", "CPU µs", "per s", "ratio", "by CPU", "asked")
    table(names, rows)


def _number(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _verdict(contender: Contender) -> str:
    ratio = contender.ratio()
    if contender.asked is None or ratio is None:
        return ""
    return f"≥ {contender.asked:g} {'yes' if ratio >= contender.asked else 'NO'}"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the first one to the left."""
    lines = [names, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        first, *others = (
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())
    sys.stdout.flush()


@contextmanager
def running_broker() -> Iterator[Broker]:
    """Give a RabbitMQ node of one's own. Ends the program where there is none."""
    brokers = find_brokers()
    if brokers is None:
        sys.exit(NO_BROKER)
    try:
        with tempfile.TemporaryDirectory() as directory:
            certificates = issue_certificates(Path(directory))
            with brokers.create(NodeConfig(certificates, certificates.server)) as broker:
                broker.start()
                yield broker
    finally:
        brokers.close()
