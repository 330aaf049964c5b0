"""Declare work queues: shared ones, and those that one server has alone.

A shared queue is durable and goes an hour after its last use, so that a call may be made before
its server starts. One that is served alone is exclusive to a connection and goes with it.

Each function uses a channel of its own, since RabbitMQ closes a channel when it refuses something.
"""

from __future__ import annotations

import amqp
from amqp.exceptions import NotFound, PreconditionFailed, ResourceLocked

from clacks_events.errors import NameTaken

__all__ = ["declare_alone", "declare_shared", "delete"]

_IDLE_EXPIRY = 3_600_000  # milliseconds that an unused work queue stays


def declare_shared(connection: amqp.Connection, queue: str) -> None:
    """Make sure of a queue that callers and servers share.

    Raises NameTaken if somebody serves it alone, amqp.ChannelError for any other refusal.
    """
    try:
        with connection.channel() as clerk:
            clerk.queue_declare(
                queue, durable=True, auto_delete=False, arguments={"x-expires": _IDLE_EXPIRY}
            )
    except ResourceLocked as error:
        raise _taken(queue) from error
    except PreconditionFailed as error:
        # So it is called if this connection itself has it alone.
        if _is_served(connection, queue):
            raise _taken(queue) from error
        raise


def declare_alone(connection: amqp.Connection, queue: str) -> None:
    """Take a queue for this connection only.

    Raises NameTaken if anybody serves it, amqp.ChannelError for any other refusal.
    """
    try:
        servers = _take(connection, queue)
    except (ResourceLocked, PreconditionFailed) as error:
        if _is_served(connection, queue):
            raise _taken(queue) from error
        # A shared one that is left over, or one that its server has just given up.
        servers = _take_over(connection, queue)
    if servers:
        raise _taken(queue)


def _take(connection: amqp.Connection, queue: str) -> int:
    with connection.channel() as clerk:
        # Not to be deleted with its last consumer: until delete() nobody else can have the name.
        declared = clerk.queue_declare(queue, durable=False, exclusive=True, auto_delete=False)
    return int(declared.consumer_count)


def _is_served(connection: amqp.Connection, queue: str) -> bool:
    try:
        with connection.channel() as clerk:
            return bool(clerk.queue_declare(queue, passive=True).consumer_count)
    except ResourceLocked:
        return True
    except NotFound:
        return False


def _take_over(connection: amqp.Connection, queue: str) -> int:
    try:
        with connection.channel() as clerk:
            clerk.queue_delete(queue, if_unused=True)
        return _take(connection, queue)
    except (ResourceLocked, PreconditionFailed) as error:
        # Somebody was quicker.
        raise _taken(queue) from error


def delete(connection: amqp.Connection, queue: str) -> None:
    """Give up a queue that this connection has alone; the name is free when this returns."""
    with connection.channel() as clerk:
        clerk.queue_delete(queue)


def _taken(queue: str) -> NameTaken:
    return NameTaken(f"{queue} is served already")
