"""Those who want to know that the broker was away."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Returns"]


class Returns:
    """Listeners to the return of a broker; see Transport.on_return."""

    def __init__(self) -> None:
        # Replaced, never changed: whoever tells takes no lock.
        self._listeners: tuple[Callable[[], None], ...] = ()

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Tell a listener, too; returns a function that ends this."""

        # Wrapped, so that each of two equal listeners is told apart.
        def entry() -> None:
            listener()

        self._listeners = (*self._listeners, entry)

        def end() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not entry)

        return end

    def tell(self) -> None:
        """Call all of them."""
        for listener in self._listeners:
            listener()
