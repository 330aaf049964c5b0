"""Publish events of a schema of your own and filter them by what is in them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clacks_events import InvalidEvent, connect

SCHEMAS = Path(__file__).parent / "schemas"

SERIOUS = """
declare namespace a = 'urn:example:alert';
/e:Event/a:alert/a:info[a:severity = ('Severe', 'Extreme')]
"""


def warning(number: int, severity: str) -> dict[str, Any]:
    """Return an alert as plain data; the schema knows what of it is an element and of what type."""
    return {
        "identifier": f"storm-{number}",
        "sent": datetime.now(UTC),
        "info": {
            "@language": "en",
            "event": "Storm",
            "severity": severity,
            "altitude": 800,
            "area": ["Upper valley", "Lower valley"],
        },
    }


def main() -> None:
    """Publish three alerts, one of them not valid; receive the serious one."""
    with connect("memory://alerts", schemas=[SCHEMAS], source="weather-office") as bus:
        serious = bus.subscribe(SERIOUS)
        for number, severity in enumerate(["Minor", "Severe", "Apocalyptic"]):
            try:
                bus.publish(bus.catalog.build("alert", warning(number, severity)))
            except InvalidEvent as error:
                print(f"refused  {error}\n")
        print("received", json.dumps(serious.get(timeout=5).json(), indent=2))


if __name__ == "__main__":
    main()
