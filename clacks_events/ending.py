"""Signals that end a program."""

from __future__ import annotations

import signal

__all__ = ["end_at_once", "stop_on_terminate"]


def stop_on_terminate() -> None:
    """Let SIGTERM end the program the way Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def end_at_once() -> None:
    """Let the next Ctrl-C or SIGTERM end the program without more ado."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
