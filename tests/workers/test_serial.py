"""The caller as a worker, and the thread that stands in for it beside an event loop."""

from __future__ import annotations

import threading

from weft._model.chunk import Call, Chunk
from weft._workers.serial import SerialCrew


def crew_of_one() -> SerialCrew:
    crew = SerialCrew(Call(abs, star=False, label="abs"))
    crew.send(Chunk(1, 0, [-1]))
    return crew


def test_a_thread_that_comes_when_all_is_over_does_not_wait() -> None:
    """The task that iterated was cancelled while its thread was on its way: nobody would ever wake it."""
    crew = crew_of_one()
    crew.close()
    late = threading.Thread(target=crew.poll, args=(None,), daemon=True)
    late.start()
    late.join(10)
    assert not late.is_alive()


def test_a_thread_that_waits_when_all_ends_is_woken() -> None:
    crew = crew_of_one()
    assert crew.poll(None)
    waits = threading.Thread(target=crew.poll, args=(None,), daemon=True)
    waits.start()
    crew.close()
    waits.join(10)
    assert not waits.is_alive()
