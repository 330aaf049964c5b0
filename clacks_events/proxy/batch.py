"""Calls that travel together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from clacks_events.errors import ClacksError
from clacks_events.proxy.command import parameters
from clacks_events.proxy.methods import Methods
from clacks_events.rpc import Asked, RpcClient

__all__ = ["Batch"]


class Batch:
    """Collects calls in ``with``, and makes them at its end, in their order.

    Each call returns a future. When ``with`` ends all are done: their ``result()`` is there, or
    raises. Nothing is sent if the block itself raises.
    """

    def __init__(self, client: RpcClient, methods: Methods, timeout: float | None) -> None:
        self._client = client
        self._methods = methods
        self._timeout = timeout
        self._calls: list[Asked] = []
        self._futures: list[Future[Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Future[Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Callable[..., Future[Any]]:
        """Return the command of a name; raises UnknownCommand."""
        self._methods.check(name)

        def call(*args: Any, **kwargs: Any) -> Future[Any]:
            self._calls.append(Asked(name, parameters(name, args, kwargs)))
            self._futures.append(Future())
            return self._futures[-1]

        return call

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is not None:
            for future in self._futures:
                future.cancel()
            return
        try:
            results = self._client.batch(self._calls, timeout=self._timeout)
        except ClacksError as error:
            for future in self._futures:
                future.set_exception(error)
            raise
        for future, result in zip(self._futures, results, strict=True):
            if isinstance(result, ClacksError):
                future.set_exception(result)
            else:
                future.set_result(result)
