"""Let schema files that come, change or go take effect while a bus runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from clacks_events.catalog import Catalog

__all__ = ["SchemaWatch"]

log = logging.getLogger(__name__)

_DEBOUNCE = 200  # milliseconds in which changes are taken together
_STEP = 50  # milliseconds of silence that end them early
_FIRST_LOOK = 400  # milliseconds after which the watches are surely in place


class SchemaWatch:
    """Refreshes a catalog when files below its directories change."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clacks-schemas", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        # 45 ms of import that nobody has to wait for.
        import watchfiles

        settled = False
        try:
            for changes in watchfiles.watch(
                *_existing(self._catalog.directories),
                watch_filter=None,
                debounce=_DEBOUNCE,
                step=_STEP,
                rust_timeout=_FIRST_LOOK,
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
            ):
                # The first time also without changes: one may have come before the watches.
                if changes or not settled:
                    settled = True
                    self._refresh()
        except (OSError, RuntimeError):
            # No more watches in this system, for instance: the bus works on without.
            log.exception("schema directories are not watched; restart to see new schemas")

    def _refresh(self) -> None:
        try:
            self._catalog.refresh()
        except Exception:
            # What a listener or an odd file raises must not end the watching.
            log.exception("the schemas could not be looked at")

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()


def _existing(directories: Sequence[Path]) -> list[Path]:
    return [directory for directory in directories if directory.is_dir()]
