"""Checking of secrets: slow by design, so never on the loop, and not twice."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final

from clacks_events.gateway.access.accounts import Accounts
from clacks_events.gateway.access.buckets import Buckets
from clacks_events.gateway.access.claims import Claim, Kind
from clacks_events.gateway.access.refusal import Refused

__all__ = ["Verifier"]

_AT_ONCE: Final = 2  # checks; each takes a processor, and 32 MB
_WAITING: Final = 64  # checks that have begun or wait
_REMEMBERED_FOR: Final = 600.0  # seconds


class Verifier:
    """Tells right secrets from wrong ones.

    Right ones are remembered, under a code that only this process can make, for as long as the
    policy has the same hash. Addresses that send wrong ones have to wait.
    """

    def __init__(
        self,
        failures: int,
        timeout: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow so many failures a minute and address; remember up to ``most`` secrets.

        ``timeout`` is how many seconds a request waits for a check.
        """
        self._failures = Buckets(failures / 60.0, failures, most, clock)
        self._timeout = timeout
        self._most = most
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[bool]] = {}
        self._pending: Counter[str] = Counter()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def knows(self, claim: Claim, accounts: Accounts, address: str) -> bool:
        """Tell whether a claim is remembered as right.

        Raises Refused for an address that failed too often: passwords that are guessed must not
        be told from wrong ones there, and tokens cannot be guessed.
        """
        if claim.kind is Kind.PASSWORD:
            self._check_address(address)
        code = self._code(accounts.stored(claim), claim)
        expires = self._remembered.get(code)
        if expires is None:
            return False
        if self._clock() < expires:
            return True
        del self._remembered[code]
        return False

    async def check(self, claim: Claim, accounts: Accounts, address: str) -> bool:
        """Check a claim on another thread; raises Refused where that would be too much."""
        self._check_address(address)
        code = self._code(accounts.stored(claim), claim)
        task = self._running.get(code) or self._begun(code, claim, accounts, address)
        try:
            async with asyncio.timeout(self._timeout):
                # The check goes on without the one who waits: others may wait for it as well.
                is_right = await asyncio.shield(task)
        except TimeoutError:
            raise _busy() from None
        if not is_right:
            self.failed(address)
        return is_right

    def failed(self, address: str) -> None:
        """Count a failure of an address; raises Refused when there were too many before."""
        self._check_address(address)
        self._failures.spend(address)

    def _check_address(self, address: str) -> None:
        wait = self._failures.wait(address)
        if wait > 0.0:
            raise Refused(429, "too many wrong credentials", wait=wait)

    def _begun(
        self, code: bytes, claim: Claim, accounts: Accounts, address: str
    ) -> asyncio.Task[bool]:
        # What is not decided yet may fail: together they must not be more than may fail.
        if len(self._running) >= _WAITING or self._pending[address] >= self._failures.level(
            address
        ):
            raise _busy()
        self._pending[address] += 1
        task = asyncio.create_task(self._run(code, claim, accounts))
        self._running[code] = task
        task.add_done_callback(partial(self._ended, code, address))
        return task

    async def _run(self, code: bytes, claim: Claim, accounts: Accounts) -> bool:
        async with self._turns:
            is_right = await asyncio.to_thread(accounts.hash(claim).matches, claim.secret)
        if is_right:
            self._remember(code)
        return is_right

    def _ended(self, code: bytes, address: str, _: asyncio.Task[bool]) -> None:
        del self._running[code]
        self._pending[address] -= 1
        if not self._pending[address]:
            del self._pending[address]

    def _remember(self, code: bytes) -> None:
        if len(self._remembered) >= self._most:
            self._remembered.popitem(last=False)
        self._remembered[code] = self._clock() + _REMEMBERED_FOR

    def _code(self, stored: str, claim: Claim) -> bytes:
        # With the hash in it, so that a changed policy makes it another one.
        text = f"{claim.kind.value}\0{stored}\0{claim.user}\0{claim.secret}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")


def _busy() -> Refused:
    return Refused(503, "too many credentials to check; try again", wait=1.0)
