"""One command of an agent, as a function here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from clacks_events.errors import RpcError
from clacks_events.rpc import Parameters, RpcClient

__all__ = ["RemoteCommand", "parameters"]


class RemoteCommand:
    """Calls a command: and waits (as a function), returns a future, or is awaited.

    Arguments are either all positional or all named. What can go wrong is raised, by the future
    when it is asked for its result: RpcTimeout, RemoteError, or the error that the agent met.
    """

    def __init__(
        self, client: RpcClient, name: str, said: Mapping[str, Any], timeout: float | None
    ) -> None:
        """``said`` is what the agent tells about it."""
        self._client = client
        self._timeout = timeout
        self._said = said
        self.__name__ = name
        self.__doc__ = str(said.get("documentation", ""))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it and return its result."""
        name = self.__name__
        return self._client.call(name, parameters(name, args, kwargs), timeout=self._timeout)

    def future(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call it and return the future of its result."""
        name = self.__name__
        return self._client.submit(name, parameters(name, args, kwargs), timeout=self._timeout)

    async def aio(self, *args: Any, **kwargs: Any) -> Any:
        """Call it and wait for its result, while others use the event loop."""
        import asyncio  # 30 ms that a program without an event loop need not wait for

        return await asyncio.wrap_future(self.future(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<command {self.__name__}({', '.join(_names(self._said))}) of {self._client.queue}>"


def parameters(method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Parameters:
    """Return the parameters of a call. Raises RpcError if some have names and some do not."""
    if args and kwargs:
        raise RpcError(f"{method}: arguments are all positional or all named")
    return kwargs or list(args)


def _names(said: Mapping[str, Any]) -> list[str]:
    found = said.get("parameters")
    if not isinstance(found, list):
        return []
    return [str(each.get("name", "?") if isinstance(each, dict) else each) for each in found]
