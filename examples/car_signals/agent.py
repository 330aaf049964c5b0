"""An agent that makes speed events as they are asked for: in some unit, in some period.

A client requests ``subscribe`` with the parameters that it wants, and is told the name of an
event, the source to listen to. Equal parameters give the same event. It is produced on demand:
its first listener starts a chain (sensor, unit, period), and the last who leaves stops it.

    python examples/car_signals/agent.py
    python examples/car_signals/kmh_client.py
    python examples/car_signals/mph_client.py
"""

import argparse
import math
import sys
import threading
import time
from pathlib import Path

from clacks_events import Bus, ClacksError, ConfigError, TransportError, connect, ensure_server
from clacks_events.signals import Signal

URL = "zmq://127.0.0.1:5570"
SCHEMAS = Path(__file__).parent / "schemas"

UNITS = {"km/h": 3.6, "mph": 3600 / 1609.344, "m/s": 1.0}
SHORTEST, LONGEST = 0.01, 3600.0  # seconds
MOST = 100  # chains: whoever makes requests must not be able to fill the memory


def sensor() -> float:
    """Return the speed in m/s, here a simulated one: from 10 to 30 and back within a minute."""
    return 20 + 10 * math.sin(time.monotonic() * math.tau / 60)


class Chain:
    """From the sensor to one signal."""

    def __init__(self, signal: Signal, unit: str, period: float) -> None:
        self.signal = signal
        self._unit = unit
        self._period = period
        self._ended = threading.Event()
        self._thread = threading.Thread()
        # Calls one after the other, never both at a time.
        signal.on_demand(self.start, self.stop)

    def start(self) -> None:
        """Produce: there is a listener."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        print(f"started {self.signal.source}", flush=True)

    def stop(self) -> None:
        """Produce no more: the last listener is gone."""
        self._ended.set()
        self._thread.join()
        print(f"stopped {self.signal.source}: nobody listens", flush=True)

    def _run(self) -> None:
        while not self._ended.is_set():
            value = round(sensor() * UNITS[self._unit], 1)
            try:
                self.signal.push({"Value": value, "Unit": self._unit})
            except TransportError as error:
                # The server is away; this measurement is lost, and the next one may not be.
                print(error, file=sys.stderr)
            self._ended.wait(self._period)


class Car:
    """The sender "car", which makes signals on request."""

    def __init__(self, bus: Bus) -> None:
        self._chains: dict[str, Chain] = {}
        self._lock = threading.Lock()
        # The first request may come before the sender is known here, and has to wait.
        with self._lock:
            methods = {"subscribe": self.subscribe}
            self._sender = bus.sender("car", types=["Speed"], methods=methods)

    def subscribe(self, signal: str, unit: str, period: float) -> str:
        """Return the source of the events that have these parameters; the period is in seconds."""
        if signal != "speed":
            raise ConfigError(f"no signal {signal!r}; there is 'speed'")
        if unit not in UNITS:
            raise ConfigError(f"no unit {unit!r}; there are {', '.join(UNITS)}")
        if not isinstance(period, int | float) or not SHORTEST <= period <= LONGEST:
            raise ConfigError(f"a period has {SHORTEST} to {LONGEST} seconds, not {period!r}")
        milliseconds = round(period * 1000)
        label = f"{signal}-{unit.replace('/', '')}-{milliseconds}"
        with self._lock:
            chain = self._chains.get(label) or self._make(label, unit, milliseconds / 1000)
        return chain.signal.source

    def _make(self, label: str, unit: str, period: float) -> Chain:
        if len(self._chains) == MOST:
            raise ConfigError(f"there are {MOST} events already")
        chain = Chain(self._sender.signal("Speed", label=label), unit, period)
        self._chains[label] = chain
        return chain


def main() -> None:
    """Serve until Ctrl-C, and start the server unless one is running."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=URL, help="the server (default: %(default)s)")
    arguments = parser.parse_args()
    with ensure_server(arguments.url) as server, connect(server.url, schemas=[SCHEMAS]) as bus:
        Car(bus)
        print(f"car is at {server.url}; Ctrl-C ends", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except ClacksError as error:
        sys.exit(str(error))
