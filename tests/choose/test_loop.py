"""What is said of a plain loop: never more than can be true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft._choose.loop import plain_loop
from weft._model.event import Stats

RUN = Stats(done=1000, seconds=4.0)


@pytest.mark.parametrize(
    ("busy", "cpu", "delay", "threads", "cpus", "seconds"),
    [
        # processes
        (8.0, 8.0, 0.0, False, 2, 8.0),  # they computed
        (8.0, 0.1, 0.0, False, 2, 8.0),  # they waited: each for itself
        (80.0, 0.1, 0.0, False, 2, 80.0),  # forty of them, on two processors
        (8.0, 6.0, 2.0, False, 2, 6.0),  # strangers had the processors for two seconds, which no loop would add up
        (8.0, 1.0, 7.0, False, 2, None),  # hardly anything is left to go by
        (80.0, 50.0, 0.0, False, 2, 8.0),  # no two processors compute for 50 s in 4 s, whatever clocks say
        (80.0, 50.0, 0.0, False, None, 80.0),
        # threads
        (80.0, 0.1, 0.0, True, None, 80.0),  # they waited for something else than each other
        (80.0, 3.9, 0.0, True, None, None),  # one of them always computed: they may have waited for the GIL
        (80.0, 1.5, 0.0, True, None, None),
        (80.0, 1.5, 75.0, True, None, None),  # or for a thread that had it, and no processor
        (2.0, 1.5, 0.0, True, None, None),  # few of them did little, and computed
        (0.0, 0.0, 0.0, False, 2, None),  # nothing came back
    ],
)
def test_a_plain_loop_is_compared_with_only_where_that_can_be_told(
    busy: float, cpu: float, delay: float, threads: bool, cpus: int | None, seconds: float | None
) -> None:
    """A speed-up that is not one is worse than none."""
    stats = replace(RUN, busy=busy, cpu=cpu, delay=delay)
    assert plain_loop(stats, threads=threads, cpus=cpus) == seconds


def test_where_threads_waited_for_each_other_no_plain_loop_is_claimed() -> None:
    """A server that serves four at a time: of what a hundred spent waiting nothing would have been spent in a loop."""
    stats = replace(RUN, busy=100.0, cpu=0.1)
    assert plain_loop(stats, threads=True, alone=0.001) is None
    assert plain_loop(stats, threads=True, alone=0.1) == 100.0


@pytest.mark.parametrize("seconds", [0.1, 4.0, 60.0])
@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("cpu", [0.0, 1.0, 7.9, 30.0])
@pytest.mark.parametrize("delay", [0.0, 1.0, 50.0])
def test_what_computes_is_never_claimed_to_be_faster_than_there_are_processors(
    seconds: float, threads: bool, cpu: float, delay: float
) -> None:
    """Whatever the clocks say."""
    stats = Stats(done=10, seconds=seconds, busy=60.0, cpu=cpu, delay=delay)
    told = plain_loop(stats, threads=threads, cpus=2)
    computes = cpu > (60.0 - delay) / 2
    assert told is None or told <= (2 * seconds if computes else 60.0)
