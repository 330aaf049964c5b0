"""Read events in a loop instead of a callback: ``for`` and ``async for``."""

import asyncio
import threading

from clacks_events import Bus, EventMaker, Subscription, connect


def ring(bus: Bus, subscription: Subscription) -> None:
    """Publish three calls, then end the loop of whoever reads."""
    e = EventMaker()
    for caller in ("100", "200", "300"):
        bus.publish(e.PhoneStatus(e.CallerId(caller), e.ReceiverId("0"), e.Status("ringing")))
    subscription.close()


def read(bus: Bus) -> None:
    """Receive on this thread while another one publishes."""
    subscription = bus.subscribe(types=["PhoneStatus"])
    publisher = threading.Thread(target=ring, args=(bus, subscription))
    publisher.start()
    for event in subscription:
        print("for       ", event.payload.findtext("{*}CallerId"))
    publisher.join()


async def read_async(bus: Bus) -> None:
    """Receive in an event loop; publishing blocks, so it has a thread."""
    subscription = bus.subscribe(types=["PhoneStatus"])
    publishing = asyncio.create_task(asyncio.to_thread(ring, bus, subscription))
    async for event in subscription:
        print("async for ", event.payload.findtext("{*}CallerId"))
    await publishing


def main() -> None:
    """Read twice."""
    with connect("memory://calls") as bus:
        read(bus)
        asyncio.run(read_async(bus))


if __name__ == "__main__":
    main()
