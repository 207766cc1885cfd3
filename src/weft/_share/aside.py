"""Waiting for something shared in a thread, so that an event loop goes on meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# How long the thread waits at a stretch, before it looks whether anybody still wants the answer.
STRETCH = 0.1  # seconds


async def aside(
    wait: Callable[..., bool], undo: Callable[[], object] | None = None, timeout: float | None = None
) -> bool:
    """What ``wait(timeout=timeout)`` comes to, called in a thread of its own.

    If whoever awaits it is cancelled, what was got is undone.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()
    given_up = threading.Event()

    def run() -> None:
        ending = None if timeout is None else time.monotonic() + timeout
        got = False
        error: BaseException | None = None
        try:
            while not got and not given_up.is_set() and (ending is None or time.monotonic() < ending):
                left = STRETCH if ending is None else min(STRETCH, max(0.0, ending - time.monotonic()))
                got = wait(timeout=left)
        except BaseException as raised:  # noqa: BLE001  it is for whoever awaits it
            error = raised
        try:
            loop.call_soon_threadsafe(tell, got, error)
        except RuntimeError:  # the loop is closed
            tell(got, error)

    def tell(got: bool, error: BaseException | None) -> None:
        if given_up.is_set() or answer.cancelled():
            if got and undo is not None:
                undo()
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(got)

    threading.Thread(target=run, name="weft-wait", daemon=True).start()
    try:
        return await answer
    except asyncio.CancelledError:
        given_up.set()
        raise
