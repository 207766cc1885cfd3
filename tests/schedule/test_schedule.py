"""What the schedule promises, one promise at a time."""

from __future__ import annotations

from typing import Any

import pytest

from weft._model.chunk import Chunk
from weft._model.noun import replace
from weft._model.outcome import Failure, Fault, Lost, Returned
from weft._schedule.chunking import TARGET
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule
from weft._schedule.verdicts import DEATHS_FORGIVEN
from weft.errors import TaskTimeout, WorkerDied


def schedule_of(width: int = 1, total: int | None = None, **asked: Any) -> Schedule:
    return Schedule(Policy(**asked), width, total=total, chance=lambda: 0.5)


def fed(count: int, width: int = 1, **asked: Any) -> tuple[Schedule, list[Chunk]]:
    """A schedule which has read *count* items, one a chunk, all of them sent."""
    schedule = schedule_of(width=max(width, count), chunksize=1, **asked)
    chunks = []
    for n in range(count):
        schedule.add([n])
        chunk = schedule.next_chunk(0.0)
        assert chunk is not None
        chunks.append(chunk)
    schedule.end_input()
    return schedule, chunks


def as_one(count: int, **asked: Any) -> tuple[Schedule, Chunk]:
    """A schedule with one chunk of *count* items in flight, and the end of the input seen."""
    schedule = schedule_of(**asked)
    schedule.add(list(range(count)))
    schedule.end_input()
    chunk = schedule.next_chunk(0.0)
    assert chunk is not None
    return schedule, chunk


def back(chunk: Chunk, *, tried: int | None = None, seconds: float = 0.001, **faults: BaseException) -> Returned:
    """The chunk with each item multiplied by ten; ``at3=error`` for a fault at place 3."""
    troubles = {int(place.removeprefix("at")): Fault(error, "w1") for place, error in faults.items()}
    tries = enumerate(chunk.items[:tried])
    values = [None if place in troubles else item * 10 for place, item in tries]
    return Returned(chunk.number, values, "w1", seconds, troubles)


def taken(schedule: Schedule) -> list[Any]:
    """All that may leave now."""
    out: list[Any] = []
    while (batch := schedule.release()) is not None:
        out += batch
        schedule.taken()
    return out


def sent(schedule: Schedule, now: float = 0.0) -> list[Chunk]:
    """All chunks that may go now."""
    out = []
    while (chunk := schedule.next_chunk(now)) is not None:
        out.append(chunk)
    return out


# ── order ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_results_leave_in_input_order() -> None:
    """Whoever iterates may zip the results with the input."""
    schedule, chunks = fed(3)
    schedule.settle(back(chunks[2]), 0.0)
    schedule.settle(back(chunks[1]), 0.0)
    assert taken(schedule) == []
    schedule.settle(back(chunks[0]), 0.0)
    assert taken(schedule) == [0, 10, 20]
    assert schedule.finished


def test_unordered_results_leave_as_they_come() -> None:
    """A slow item at the head must not hold up the rest."""
    schedule, chunks = fed(3, ordered=False)
    schedule.settle(back(chunks[2]), 0.0)
    assert taken(schedule) == [20]
    schedule.settle(back(chunks[0]), 0.0)
    schedule.settle(back(chunks[1]), 0.0)
    assert taken(schedule) == [0, 10]


def test_results_of_a_chunk_leave_together() -> None:
    """The cost is per chunk: the worker's list is handed on as it is."""
    schedule, chunk = as_one(5)
    returned = back(chunk)
    schedule.settle(returned, 0.0)
    assert schedule.release() is returned.values


def test_an_empty_input_ends_at_once() -> None:
    """Nothing to do is done."""
    schedule = schedule_of()
    assert not schedule.finished
    assert schedule.wants_items() == 1
    schedule.add([])
    schedule.end_input()
    assert schedule.release() is None
    assert schedule.finished
    assert schedule.error is None
    assert schedule.next_wakeup(0.0) is None


# ── how much is read and sent ─────────────────────────────────────────────────────────────────────────────────


def test_no_more_is_read_than_buffersize() -> None:
    """An endless or heavy input must not pile up: results that nobody takes stop the reading."""
    schedule = schedule_of(width=8, buffersize=3)
    out = []
    for n in range(3):
        assert schedule.wants_items() == 1
        schedule.add([n])
        out += sent(schedule)
    assert schedule.wants_items() == 0
    for chunk in out:
        schedule.settle(back(chunk), 0.0)
    assert schedule.wants_items() == 0, "results are there, but nobody has taken them"
    schedule.release()
    assert schedule.wants_items() == 0, "handed out is not yet taken"
    schedule.taken()
    assert schedule.wants_items() == 1


def test_a_worker_that_prefetches_gets_a_second_chunk_once_items_are_known_to_be_short() -> None:
    """Two hide the round trip; of long items a second one would only delay the end."""
    for seconds, prefetches, expected in [(0.001, True, 2), (0.001, False, 1), (1.0, True, 1)]:
        schedule = schedule_of(chunksize=1)
        schedule.suit(1, prefetches=prefetches)
        schedule.add([1])
        schedule.settle(back(sent(schedule)[0], seconds=seconds), 0.0)
        in_flight = 0
        while wanted := schedule.wants_items():
            schedule.add([0] * wanted)
            in_flight += len(sent(schedule))
        assert in_flight == expected


def test_the_width_may_change_while_running() -> None:
    """Workers that come are used at once; when some go, no more is sent until those left have room."""
    schedule = schedule_of(width=1, chunksize=1)
    schedule.add([0])
    assert len(sent(schedule)) == 1
    assert schedule.wants_items() == 0
    schedule.suit(2)
    schedule.add([1] * schedule.wants_items())
    first = sent(schedule)
    assert len(first) == 1
    schedule.suit(1)
    schedule.settle(back(first[0], seconds=1.0), 0.0)
    assert schedule.wants_items() == 0


def test_what_was_read_but_not_sent_is_sent_before_more_is_read() -> None:
    """Otherwise an input that is faster than the workers would pile up."""
    schedule = schedule_of(width=2)
    schedule.add([0])
    assert schedule.wants_items() == 0
    sent(schedule)
    assert schedule.wants_items() == 1


def test_what_came_back_unfinished_goes_out_again_before_anything_else() -> None:
    """It is next in order; and what was tried is kept."""
    schedule, chunk = as_one(6)
    schedule.settle(back(chunk, tried=2), 0.0)
    assert taken(schedule) == [0, 10]
    again = schedule.next_chunk(0.0)
    assert again is not None
    assert again.first == 2
    assert again.attempt == 1, "not begun is not tried"


def test_what_goes_out_again_keeps_its_order() -> None:
    """The one whose turn is next must not wait behind the others."""
    schedule, chunk = as_one(3)
    schedule.lose(Lost(chunk.number, "w1", "SIGKILL"), 0.0)
    first = schedule.next_chunk(0.0)
    assert first is not None
    schedule.lose(Lost(first.number, "w1", "SIGKILL", begun=False), 0.0)
    again = schedule.next_chunk(0.0)
    assert again is not None
    assert again.items == [0]


def test_at_the_end_of_the_input_what_came_back_unfinished_still_travels_together() -> None:
    """Many short items that are cut short when all is read must not go on one by one."""
    schedule, chunk = as_one(4000)
    schedule.settle(back(chunk, tried=1000, seconds=0.012), 0.0)
    assert [len(piece.items) for piece in sent(schedule)][:2] == [int(TARGET / 12e-6)] * 2


def test_what_came_back_unfinished_is_cut_by_what_is_known_when_it_is_sent() -> None:
    """A first chunk that was too large does not come in pieces of what a busy moment made of its cost."""
    schedule, chunk = as_one(1000, opening=1000, buffersize=10_000)
    schedule.settle(back(chunk, tried=10, seconds=0.05), 0.0)  # 5 ms each: one at a time
    slow = schedule.next_chunk(0.0)
    assert slow is not None
    assert len(slow.items) == 1
    schedule.settle(back(slow, seconds=1e-6), 0.0)
    pieces = 0
    while (piece := schedule.next_chunk(0.0)) is not None:
        schedule.settle(back(piece, seconds=1e-6 * len(piece.items)), 0.0)
        pieces += 1
    assert pieces < 25, "and not 989, nor hundreds of those that it would have been cut into at once"
    assert taken(schedule) == [10 * n for n in range(1000)]
    assert schedule.finished


def test_a_first_chunk_may_be_asked_to_be_large() -> None:
    schedule = schedule_of(width=2, total=1000, opening=125, buffersize=10_000)
    assert schedule.wants_items() == 125


def test_the_input_may_hold_more_or_less_than_it_said() -> None:
    """``len()`` is a hint; what it gives is what counts."""
    schedule = schedule_of(total=1)
    schedule.add([1, 2])
    assert schedule.stats(0).total is None
    schedule.end_input()
    assert schedule.stats(0).total == 2


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_failure_in_order_ends_the_run_after_the_results_before_it() -> None:
    """Which error is raised must not depend on which worker was faster."""
    schedule, chunks = fed(5)
    late, early = ValueError("3"), ValueError("1")
    schedule.settle(back(chunks[3], at0=late), 0.0)
    assert schedule.wants_items() == 0
    schedule.settle(back(chunks[2]), 0.0)
    schedule.settle(back(chunks[1], at0=early), 0.0)
    assert taken(schedule) == []
    assert not schedule.finished
    schedule.settle(back(chunks[0]), 0.0)
    assert taken(schedule) == [0]
    assert schedule.finished
    assert schedule.error is early
    assert [failure.index for failure in schedule.failures] == [1]


def test_of_several_failures_in_a_chunk_the_first_counts() -> None:
    """Also where the worker went on after it."""
    for ordered in (True, False):
        schedule, chunk = as_one(4, ordered=ordered)
        error = ValueError("1")
        schedule.settle(back(chunk, at1=error, at2=ValueError("2")), 0.0)
        taken(schedule)
        assert schedule.error is error


def test_unordered_the_first_failure_to_come_ends_the_run() -> None:
    """Nothing after it is wanted; what had come before it still leaves."""
    schedule, chunks = fed(3, ordered=False)
    error = ValueError()
    schedule.settle(back(chunks[2]), 0.0)
    schedule.settle(back(chunks[1], at0=error), 0.0)
    schedule.settle(back(chunks[0]), 0.0)
    assert taken(schedule) == [20]
    assert schedule.error is error


def test_kept_failures_stand_in_their_items_place() -> None:
    """The result has as many entries as the input, whatever happened."""
    error = ValueError()
    schedule, chunk = as_one(3, on_error="keep")
    schedule.settle(back(chunk, at1=error), 0.0)
    first, failure, last = taken(schedule)
    assert (first, last) == (0, 20)
    assert isinstance(failure, Failure)
    assert (failure.index, failure.item, failure.error, failure.attempts, failure.worker) == (1, 1, error, 1, "w1")
    assert schedule.failures == [failure]


def test_skipped_failures_are_left_out_and_listed() -> None:
    """One bad item in a million is no reason to stop, and none to forget it."""
    schedule, chunk = as_one(3, on_error="skip", buffersize=3)
    schedule.settle(back(chunk, at0=ValueError(), at2=ValueError()), 0.0)
    assert taken(schedule) == [10]
    assert [failure.index for failure in schedule.failures] == [0, 2]
    assert schedule.finished
    assert schedule.untaken == 0, "what is left out takes no room"


def test_an_error_of_the_input_is_raised_after_the_results_before_it() -> None:
    """What was read is not lost because reading on failed."""
    schedule = schedule_of()
    schedule.add([1])
    schedule.end_input(OSError("disk"))
    chunk = schedule.next_chunk(0.0)
    assert chunk is not None
    assert schedule.release() is None
    assert not schedule.finished
    schedule.settle(back(chunk), 0.0)
    assert taken(schedule) == [10]
    assert isinstance(schedule.error, OSError)


def test_on_failure_is_told_once_of_each_item_that_failed_for_good() -> None:
    """Of the failure that ends a run too, and of none that comes after it."""
    told: list[int] = []
    schedule = Schedule(Policy(chunksize=1), 2, on_failure=lambda failure: told.append(failure.index))
    chunks = []
    for n in range(2):
        schedule.add([n])
        chunks += sent(schedule)
    schedule.settle(back(chunks[1], at0=ValueError()), 0.0)
    assert told == []
    schedule.settle(back(chunks[0], at0=ValueError()), 0.0)
    taken(schedule)
    assert told == [0]


# ── retries ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_item_is_tried_again_after_a_delay_that_doubles() -> None:
    """A service that is down is not helped by being asked at once and all the time."""
    schedule, chunk = as_one(1, retries=3)
    now, delays = 0.0, []
    for attempt in (1, 2, 3):
        assert chunk.attempt == attempt
        schedule.settle(back(chunk, at0=OSError()), now)
        assert schedule.next_chunk(now) is None
        delay = schedule.next_wakeup(now)
        assert delay is not None
        delays.append(delay)
        assert schedule.next_chunk(now + delay * 0.99) is None
        now += delay
        again = schedule.next_chunk(now)
        assert again is not None
        chunk = again
    assert delays == pytest.approx([0.1, 0.2, 0.4])
    schedule.settle(back(chunk), now)
    assert taken(schedule) == [0]
    assert schedule.stats(0).retried == 3


def test_a_retry_concerns_the_failed_item_only() -> None:
    """What succeeded in the same chunk is kept and, in order, leaves as soon as it may."""
    schedule, chunk = as_one(4, retries=1)
    schedule.settle(back(chunk, at2=OSError()), 0.0)
    assert taken(schedule) == [0, 10]
    again = schedule.next_chunk(1.0)
    assert again is not None
    assert (again.first, again.items, again.attempt) == (2, [2], 2)
    schedule.settle(back(again), 1.0)
    assert taken(schedule) == [20, 30]


def test_an_item_is_tried_retries_plus_one_times() -> None:
    """Then its last error is final, and says how often."""
    schedule, chunk = as_one(1, retries=1, on_error="keep")
    last = OSError("second")
    schedule.settle(back(chunk, at0=OSError("first")), 0.0)
    again = schedule.next_chunk(1.0)
    assert again is not None
    schedule.settle(back(again, at0=last), 1.0)
    [failure] = taken(schedule)
    assert (failure.error, failure.attempts) == (last, 2)


def test_on_retry_is_told_which_attempt_failed_and_how_long_it_waits() -> None:
    """Somebody who looks on should see a service struggling before it has failed for good."""
    told: list[Any] = []
    schedule = Schedule(Policy(retries=1), 1, chance=lambda: 0.5, on_retry=lambda *facts: told.append(facts))
    schedule.add([7])
    error = OSError()
    schedule.settle(back(sent(schedule)[0], at0=error), 0.0)
    assert told == [(0, 1, pytest.approx(0.1), error)]


def test_after_the_failure_that_ends_the_run_nothing_behind_it_is_tried_again() -> None:
    """The run should end as soon as its error is certain."""
    schedule, chunks = fed(2, retries=1)
    schedule.settle(back(chunks[0], at0=ValueError()), 0.0)
    [again] = sent(schedule, 1.0)
    schedule.settle(back(chunks[1], at0=ValueError()), 1.0)
    schedule.settle(back(again, at0=ValueError("final")), 1.0)
    assert sent(schedule, 100.0) == []
    assert taken(schedule) == []
    assert str(schedule.error) == "final"


# ── lost workers ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_that_kills_its_workers_fails_after_a_few() -> None:
    """A crash may be bad luck, so it is tried again without being asked to; but not for ever."""
    schedule, chunk = as_one(1)
    for _ in range(DEATHS_FORGIVEN):
        schedule.lose(Lost(chunk.number, "w1", "SIGKILL"), 0.0)
        [chunk] = sent(schedule)
    schedule.lose(Lost(chunk.number, "w1", "SIGSEGV"), 0.0)
    assert schedule.release() is None
    assert isinstance(schedule.error, WorkerDied)
    assert "SIGSEGV" in str(schedule.error)
    assert schedule.failures[0].attempts == DEATHS_FORGIVEN + 1


def test_of_a_chunk_that_killed_its_worker_each_item_answers_for_itself() -> None:
    """One of them is the culprit; the others must not die with it."""
    schedule, chunk = as_one(3)
    schedule.lose(Lost(chunk.number, "w1", "SIGKILL"), 0.0)
    [one] = sent(schedule)
    assert one.items == [0]
    schedule.settle(back(one), 0.0)
    assert [piece.items for piece in sent(schedule)] == [[1], [2]]


def test_a_large_chunk_that_killed_its_worker_is_cut_into_pieces() -> None:
    """To send thousands alone costs more than a death or two more; in the end the culprit is alone all the same."""
    schedule, chunk = as_one(5000)
    killer, deaths, rounds = 3333, 0, 0
    for _ in range(1000):
        if schedule.finished:
            break
        while (batch := schedule.release()) is not None:
            schedule.taken()
            assert killer not in batch
        for piece in sent(schedule) if rounds else [chunk]:
            rounds += 1
            if killer in piece.items:
                deaths += 1
                schedule.lose(Lost(piece.number, "w1", "SIGKILL"), 0.0)
            else:
                schedule.settle(back(piece), 0.0)
    assert isinstance(schedule.error, WorkerDied)
    assert schedule.failures[0].index == killer
    assert deaths == 3 + DEATHS_FORGIVEN + 1
    assert rounds < 300


@pytest.mark.parametrize("begun", [True, False])
def test_whoever_had_finished_all_as_it_was_made_to_leave_has_lost_nothing(begun: bool) -> None:
    """It sends what it has, as a part, and does not know that there is no more; then it is gone."""
    schedule, chunk = as_one(2)
    schedule.settle(replace(back(chunk), more=True, first=chunk.first), 0.0)
    schedule.lose(Lost(chunk.number, "w1", "SIGTERM", begun=begun), 0.0)
    assert taken(schedule) == [0, 10]
    assert schedule.finished
    assert schedule.stats(1.0).lost == 0


def test_a_chunk_that_was_only_waiting_goes_back_uncharged() -> None:
    """A worker's second chunk is not to blame for the death in the first, however often."""
    schedule, chunk = as_one(2)
    for _ in range(10):
        schedule.lose(Lost(chunk.number, "w1", "SIGKILL", begun=False), 0.0)
        [chunk] = sent(schedule)
        assert chunk.items == [0, 1]
    schedule.settle(back(chunk), 0.0)
    assert taken(schedule) == [0, 10]


def test_a_foreign_executors_own_error_is_the_one_that_is_raised() -> None:
    """It says more about that executor than we could."""
    schedule, chunk = as_one(1)
    error = RuntimeError("cluster gone")
    for _ in range(DEATHS_FORGIVEN):
        schedule.lose(Lost(chunk.number, "dask", "broken", error=error), 0.0)
        [chunk] = sent(schedule)
    schedule.lose(Lost(chunk.number, "dask", "broken", error=error), 0.0)
    taken(schedule)
    assert schedule.error is error


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_is_overdue_once_its_worker_has_had_it_for_the_timeout() -> None:
    """The time counts from when a worker took it up, not from when it was sent."""
    schedule, chunk = as_one(1, timeout=2.0)
    assert schedule.next_wakeup(0.0) is None
    schedule.began(chunk.number, 10.0)
    assert schedule.next_wakeup(11.0) == 1.0
    assert schedule.overdue(11.9) == []
    assert schedule.overdue(12.0) == [chunk.number]
    schedule.expire(chunk.number, 12.0, "w1", stopped=True)
    assert schedule.overdue(12.0) == []
    assert schedule.release() is None
    assert isinstance(schedule.error, TaskTimeout)


def test_a_result_that_comes_after_it_was_given_up_on_is_ignored() -> None:
    """A thread can't be stopped; its late result must not appear twice or in somebody else's place."""
    schedule, chunk = as_one(1, timeout=1.0, on_error="keep")
    schedule.began(chunk.number, 0.0)
    schedule.expire(chunk.number, 1.0, "w1", stopped=False)
    schedule.settle(back(chunk), 1.5)
    [failure] = taken(schedule)
    assert isinstance(failure.error, TaskTimeout)
    assert "could not be stopped" in str(failure.error)


def test_late_is_late_even_if_nobody_could_look_in_time() -> None:
    """The same item must not pass in the caller and fail in a process."""
    schedule, chunk = as_one(1, timeout=1.0)
    schedule.settle(back(chunk, seconds=1.5), 1.5)
    taken(schedule)
    assert isinstance(schedule.error, TaskTimeout)


def test_a_timeout_counts_as_a_failed_attempt() -> None:
    """``retries`` is for it too."""
    schedule, chunk = as_one(1, timeout=1.0, retries=1)
    schedule.began(chunk.number, 0.0)
    schedule.expire(chunk.number, 1.0, "w1", stopped=True)
    [again] = sent(schedule, 2.0)
    assert again.attempt == 2
    schedule.settle(back(again, seconds=0.5), 3.0)
    assert taken(schedule) == [0]


def test_with_a_timeout_or_a_rate_items_travel_alone() -> None:
    """Time can only be told of what travels alone."""
    for asked in ({"timeout": 5.0}, {"rate": 5.0}):
        schedule = schedule_of(chunksize=100, **asked)
        assert schedule.wants_items() == 1


def test_no_more_start_than_the_rate_allows() -> None:
    """A service with a quota: four a second is one every quarter, without saving up."""
    schedule = schedule_of(width=10, rate=4.0)
    starts: list[float] = []
    now = 0.0
    for _ in range(10):
        schedule.add([0] * schedule.wants_items())
        if schedule.next_chunk(now) is not None:
            starts.append(now)
        else:
            now += schedule.next_wakeup(now) or 0.0
    assert starts == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_nothing_to_wait_for_is_none_and_not_zero() -> None:
    """Zero would make the driver spin."""
    schedule, chunk = as_one(1)
    assert schedule.next_wakeup(0.0) is None
    schedule.settle(back(chunk), 0.0)
    taken(schedule)
    assert schedule.next_wakeup(0.0) is None


# ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cancelled_run_ends_though_results_wait_for_one_before_them() -> None:
    """What comes before them never will: waiting for it would be for ever."""
    schedule, chunks = fed(3)
    schedule.settle(back(chunks[2]), 0.0)
    schedule.settle(back(chunks[0]), 0.0)
    schedule.cancel()
    assert taken(schedule) == [0]
    assert schedule.finished
    assert schedule.error is None


def test_a_failed_run_keeps_nothing_but_its_failure() -> None:
    """The run may be held on to for its figures: results that nobody will get must not stay with it."""
    schedule, chunks = fed(3)
    schedule.settle(back(chunks[2]), 0.0)
    schedule.settle(back(chunks[0], at0=ValueError()), 0.0)
    taken(schedule)
    assert schedule.finished
    assert not schedule._outlet
    assert not schedule._backlog


def test_the_figures_add_up() -> None:
    """They are what progress and ``run.stats`` show."""
    schedule, chunk = as_one(4, on_error="skip")
    schedule.settle(Returned(chunk.number, [0, None, 2], "w1", 0.5, {1: Fault(ValueError(), "w1")}, 0.25), 0.0)
    [again] = sent(schedule)
    schedule.lose(Lost(again.number, "w1", "SIGKILL"), 0.0)
    stats = schedule.stats(9.0)
    assert (stats.done, stats.failed, stats.retried, stats.lost, stats.total) == (2, 1, 0, 1, 4)
    assert (stats.chunks, stats.seconds, stats.busy, stats.cpu) == (1, 9.0, 0.5, 0.25)


def test_an_item_that_comes_back_late_takes_nobody_with_it() -> None:
    """It came back in an unfinished chunk: what had not begun goes on."""
    schedule = schedule_of(timeout=1.0, on_error="keep")
    schedule.suit(1, tells=True)
    schedule.add([0, 1, 2])
    schedule.end_input()
    [chunk] = sent(schedule)
    schedule.settle(back(chunk, tried=1, seconds=2.0), 2.0)
    [rest] = sent(schedule, 2.0)
    assert (rest.first, rest.items) == (1, [1])
    schedule.settle(back(rest), 2.0)
    [last] = sent(schedule, 2.0)
    schedule.settle(back(last), 2.0)
    late, *others = taken(schedule)
    assert isinstance(late.error, TaskTimeout)
    assert others == [10, 20]


def test_what_came_back_unfinished_goes_in_the_order_of_the_input() -> None:
    """Or results would wait for those before them, which nobody works on."""
    schedule = schedule_of(width=3, total=300, price=0.0005, opening=100)
    chunks = []
    for first in (0, 100, 200):
        schedule.add(list(range(first, first + 100)))
        chunk = schedule.next_chunk(0.0)
        assert chunk is not None
        chunks.append(chunk)
    schedule.end_input()
    for place in (0, 2, 1):
        schedule.settle(back(chunks[place], tried=1, seconds=1.0), 0.0)
    sent = [schedule.next_chunk(0.0) for _ in range(4)]
    assert [(chunk.first, len(chunk.items)) for chunk in sent if chunk] == [(1, 1), (2, 1), (3, 1), (4, 1)]
