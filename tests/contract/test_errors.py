"""Trouble in the function: the error arrives as itself, where and when it should, and costs no other item."""

from __future__ import annotations

import asyncio
import dataclasses
import traceback

import pytest

import weft
from weft.errors import WorkerTraceback


class Odd(Exception):
    """Can't be rebuilt from its args."""

    def __init__(self, code, *, detail):
        super().__init__(f"code {code}")
        self.code, self.detail = code, detail


def fails_at_five(n):
    if n == 5:
        raise ValueError(f"no {n}")
    return n


def fails_often(n):
    if n % 3 == 0:
        raise KeyError(n)
    return n


def raises_odd(n):
    raise Odd(n, detail=["x"])


def raises_with_cause(n):
    try:
        return 1 / 0
    except ZeroDivisionError as error:
        raise RuntimeError("outer") from error


def raises_stop(n):
    raise StopIteration(n)


def exits(n):
    raise SystemExit(3)


async def fails_later(n):
    await asyncio.sleep(0)
    return fails_at_five(n)


def test_the_first_failure_is_raised_after_the_results_before_it(kind):
    """In order, a caller sees what a plain loop would have shown it."""
    seen = []
    with pytest.raises(ValueError, match="no 5"):
        for value in weft.map(fails_at_five, range(100), on=kind):
            seen.append(value)
    assert seen == [0, 1, 2, 3, 4]


def test_of_several_failures_the_first_in_order_is_raised(kind):
    """The same error whatever the kind and the speed of workers."""
    for _ in range(3):
        with pytest.raises(KeyError) as caught:
            list(weft.map(fails_often, range(1, 50), on=kind, max_workers=4))
        assert caught.value.args == (3,)


def test_the_error_names_item_index_attempt_and_worker(kind):
    """A note, so that the type and the message stay the user's own."""
    with pytest.raises(ValueError) as caught:
        list(weft.map(fails_at_five, range(10), on=kind))
    notes = [note for note in caught.value.__notes__ if note.startswith("weft:")]
    assert len(notes) == 1
    assert "item 5 (5), attempt 1, on " in notes[0]
    assert str(caught.value) == "no 5"


def test_the_traceback_shows_where_in_the_function(kind, name):
    """Across threads and processes too, the line that raised is there to read."""
    with pytest.raises(ValueError) as caught:
        list(weft.map(fails_at_five, range(10), on=kind))
    text = "".join(traceback.format_exception(caught.value))
    assert "in fails_at_five" in text
    assert 'raise ValueError(f"no {n}")' in text
    if name not in {"serial", "auto"}:  # there the frames are the caller's own
        assert isinstance(caught.value.__cause__, WorkerTraceback)


def test_the_users_own_cause_is_kept(kind):
    with pytest.raises(RuntimeError, match="outer") as caught:
        list(weft.map(raises_with_cause, [1], on=kind))
    assert "ZeroDivisionError" in "".join(traceback.format_exception(caught.value))


def test_exceptions_that_do_not_pickle_well_arrive_as_themselves(kind):
    """An __init__ that takes other arguments is not the user's mistake."""
    with pytest.raises(Odd) as caught:
        list(weft.map(raises_odd, [7], on=kind))
    assert (caught.value.code, caught.value.detail, str(caught.value)) == (7, ["x"], "code 7")


@pytest.mark.parametrize("trouble", [raises_stop, exits])
def test_stopiteration_and_systemexit_are_errors_of_their_item(kind, trouble):
    """Neither ends the run quietly, nor a worker."""
    failures = list(weft.map(trouble, [1, 2], on=kind, on_error="keep"))
    assert [failure.index for failure in failures] == [0, 1]
    assert {type(failure.error) for failure in failures} <= {StopIteration, SystemExit, RuntimeError}


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, GeneratorExit, SystemExit])
@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_whatever_a_function_raises_is_its_items_error(on, trouble):
    """Nobody has pressed anything, and nobody waits for ever for what ended its thread, or its loop."""

    def fails(n):
        if n == 1:
            raise trouble("not meant so")
        return n

    async def fails_later(n):
        await asyncio.sleep(0)
        return fails(n)

    for _ in range(2):
        found = weft.map(fails_later if on == "async" else fails, range(3), on=on, on_error="keep").results()
        assert [found[0], type(found[1].error), found[2]] == [0, trouble, 2]


def test_coroutines_fail_like_functions(kind):
    with pytest.raises(ValueError, match="no 5"):
        list(weft.map(fails_later, range(10), on=kind))


def test_keep_puts_a_failure_in_the_items_place(kind):
    run = weft.map(fails_often, range(7), on=kind, on_error="keep")
    results = run.results()
    assert [r if isinstance(r, int) else "failed" for r in results] == ["failed", 1, 2, "failed", 4, 5, "failed"]
    failure = results[3]
    assert isinstance(failure, weft.Failure)
    assert (failure.index, failure.item, failure.attempts) == (3, 3, 1)
    assert isinstance(failure.error, KeyError)
    assert failure.worker
    assert [failed.index for failed in sorted(run.failures, key=lambda f: f.index)] == [0, 3, 6]


def test_skip_leaves_failures_out_and_lists_them(kind):
    run = weft.map(fails_often, range(7), on=kind, on_error="skip")
    assert list(run) == [1, 2, 4, 5]
    assert sorted(failure.index for failure in run.failures) == [0, 3, 6]
    assert (run.stats.done, run.stats.failed) == (4, 3)


def test_unordered_keep_has_everything(kind):
    results = list(weft.map(fails_often, range(30), on=kind, on_error="keep", ordered=False))
    assert len(results) == 30
    assert sum(isinstance(r, weft.Failure) for r in results) == 10


def test_one_exception_object_raised_many_times_does_not_grow(kind):
    """Notes and causes do not pile up on an object that the function shares between items."""
    shared = ValueError("the same")

    def always(n):
        raise shared

    failures = list(weft.map(always, range(50), on=kind, on_error="keep"))
    assert len(failures) == 50
    for failure in failures:
        assert len(failure.error.__notes__) <= 2
        assert not isinstance(getattr(failure.error.__cause__, "__cause__", None), WorkerTraceback)


def test_an_input_that_raises_ends_the_run_after_the_results_before_it(kind):
    """A generator's own exception, as in a plain loop."""

    def broken():
        yield from range(20)
        raise OSError("no more")

    seen = []
    with pytest.raises(OSError, match="no more"):
        for value in weft.map(fails_often, broken(), on=kind, on_error="skip"):
            seen.append(value)
    assert seen == [n for n in range(20) if n % 3]


def test_an_exception_in_the_callers_loop_ends_the_run(kind):
    """Nothing goes on behind the caller's back."""
    with pytest.raises(ZeroDivisionError):
        for value in weft.map(fails_often, range(1, 3), on=kind, max_workers=2):
            value / 0


def test_async_for_raises_the_same(kind):
    async def collect():
        seen = []
        with pytest.raises(ValueError, match="no 5"):
            async for value in weft.map(fails_at_five, range(10), on=kind):
                seen.append(value)
        return seen

    assert asyncio.run(collect()) == [0, 1, 2, 3, 4]


class Hostile:
    """Raises on everything that a library has no business doing with a user's value."""

    def _refuse(self, *_: object):
        raise AssertionError("looked at a user's value")

    __eq__ = __ne__ = __bool__ = __len__ = __hash__ = __iter__ = __repr__ = __str__ = __contains__ = _refuse


def passes(value):
    return value


def fails_on(value):
    raise ValueError("failed on a hostile item")


def test_hostile_values_pass_through_untouched(kind):
    """Neither compared, nor hashed, nor printed, nor tested for truth."""
    back = list(weft.map(passes, [Hostile() for _ in range(5)], on=kind, ordered=False))
    assert [type(value).__name__ for value in back] == ["Hostile"] * 5


def test_a_hostile_item_that_fails_is_still_named(kind):
    [failure] = list(weft.map(fails_on, [Hostile()], on=kind, on_error="keep"))
    assert any("Hostile" in note for note in failure.error.__notes__)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Forbids setting attributes."""

    code: int


def raises_frozen(n):
    raise Frozen(n)


def test_an_exception_that_forbids_attributes_arrives_as_itself(kind):
    """Noting where it was raised must not fail, and not hang."""
    with pytest.raises(Frozen) as caught:
        list(weft.map(raises_frozen, [3], on=kind))
    assert caught.value.code == 3
    assert "item 0 (3)" in caught.value.__notes__[0]


def test_failures_are_listed_in_input_order(kind):
    run = weft.map(fails_often, range(40), on=kind, on_error="skip", ordered=False)
    list(run)
    assert [failure.index for failure in run.failures] == list(range(0, 40, 3))
