"""weft.testing.chaos: deaths and delays by chance, the same for the same seed, and nothing outside of the block.

The functions are built-in or local, so that a new worker has no test module to import.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import weft
from weft._model.storm import FRONTS
from weft.testing import chaos


def results_of(count: int, **asked: Any) -> list[Any]:
    return weft.map(str, range(count), **{"on": "process", "max_workers": 2, "on_error": "keep", **asked}).results()


def victims(storm: chaos, results: list[Any]) -> tuple[int, int, list[int]]:
    """All that a storm did: how many deaths and delays, and who did not survive."""
    return storm.kills, storm.delays, [result.index for result in results if isinstance(result, weft.Failure)]


# ── what happens in the block ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.usefixtures("start_method")
def test_nothing_is_lost(ordered: bool) -> None:
    """Who dies now and then is replaced; the results are those of a calm day."""
    with chaos(kill=0.01, slow=0, seed=3) as storm:
        results = weft.map(str, range(2000), on="process", ordered=ordered).results()
    assert (results if ordered else sorted(results, key=int)) == [str(n) for n in range(2000)]
    assert 10 < storm.kills < 40


@pytest.mark.usefixtures("start_method")
def test_an_item_that_always_kills_is_given_up_after_three_workers() -> None:
    """And so is every other."""
    with chaos(kill=1, slow=0, seed=0) as storm:
        results = results_of(6)
    assert all(isinstance(result.error, weft.WorkerDied) and result.attempts == 3 for result in results)
    assert storm.kills == 6 * 3


@pytest.mark.usefixtures("start_method")
def test_the_same_seed_hits_the_same_items_however_many_workers_there_are() -> None:
    """A failure that was seen once can be seen again."""
    seen = []
    for asked in ({"max_workers": 1}, {"max_workers": 3}, {"chunksize": 1}, {"chunksize": 20}, {"ordered": False}):
        with chaos(kill=0.4, slow=0.3, delay=0.001, seed=8) as storm:
            results = results_of(20, **asked)
        seen.append(victims(storm, sorted(results, key=str)))
    kills, delays, died = seen[0]
    assert min(kills, delays, len(died)) > 0
    assert [(kills, delays, sorted(died)) for kills, delays, died in seen] == [(kills, delays, sorted(died))] * 5


@pytest.mark.usefixtures("start_method")
def test_another_seed_or_another_run_of_the_block_hits_others() -> None:
    """Many short runs are not the same run many times."""
    seen = []
    for seed in (1, 2):
        with chaos(kill=0.7, slow=0, seed=seed):
            seen += [tuple(map(type, results_of(10))) for _ in range(2)]
    assert len(set(seen)) == 4


@pytest.mark.usefixtures("start_method")
def test_every_try_has_a_chance_of_its_own() -> None:
    """Of a third of the tries a third is hit again: a retry or another worker helps as often as it should."""
    with chaos(kill=0.3, slow=0, seed=1) as storm:
        failures = [result for result in results_of(60) if isinstance(result, weft.Failure)]
    assert 60 * 0.3 / 2 < storm.kills < 60 * 0.39 * 2
    assert len(failures) < 60 * 0.027 * 4


@pytest.mark.usefixtures("start_method")
def test_some_die_before_the_call_and_some_after_it(tmp_path: Path) -> None:
    """A function that was called and whose result was lost is the case that jobs forget."""

    def touch(n: int) -> None:
        with (tmp_path / str(n)).open("a") as file:
            file.write("x")

    with chaos(kill=1, slow=0, seed=5) as storm:
        weft.map(touch, range(6), on="process", on_error="keep").results()
    calls = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert 0 < calls < storm.kills == 18


@pytest.mark.usefixtures("start_method")
def test_a_retry_is_hit_by_chance_again() -> None:
    """Deaths and errors of the function do not get in each other's way."""

    def third_time_lucky(n: int) -> int:
        this = weft.current_worker()
        if this is None or this.attempt < 3:
            raise OSError("not yet")
        return n

    with chaos(kill=0.1, slow=0.1, delay=0.001, seed=2) as storm:
        run = weft.map(third_time_lucky, range(20), on="process", max_workers=2, retries=2)
        assert run.results() == list(range(20))
    assert storm.kills > 0
    assert run.stats.retried == 40


def test_delays_happen_on_every_kind_and_deaths_only_where_workers_can_be_replaced(kind: str | Executor) -> None:
    """The same calls are late everywhere."""
    with chaos(kill=0 if kind in {"process", "auto"} else 1, slow=0.5, delay=0.001, seed=4) as storm:
        assert weft.map(str, range(30), on=kind).results() == [str(n) for n in range(30)]
    assert (storm.kills, storm.delays) == (0, 12)


def test_a_delay_is_as_long_as_was_asked() -> None:
    """On average."""
    with chaos(kill=0, slow=1, delay=0.01, seed=0) as storm:
        run = weft.map(str, range(30), on="serial")
        run.results()
    assert storm.delays == 30
    assert run.stats.seconds > 0.15


@pytest.mark.usefixtures("start_method")
def test_a_delay_can_make_an_item_late() -> None:
    """A timeout means what it says, whatever the time was spent on."""
    with chaos(kill=0, slow=0.5, delay=1000, seed=3) as storm:
        results = results_of(4, timeout=0.2)
    late = [result for result in results if isinstance(result, weft.Failure)]
    assert all(isinstance(failure.error, weft.TaskTimeout) for failure in late)
    assert 0 < len(late) == storm.delays < 4


def test_coroutines_of_a_callers_own_loop_are_late_too() -> None:
    """The loop runs on meanwhile."""

    async def wait(n: int) -> int:
        await asyncio.sleep(0)
        return n

    async def main() -> list[int]:
        return [n async for n in weft.map(wait, range(30), on="async")]

    with chaos(kill=1, slow=0.5, delay=0.001, seed=4) as storm:
        assert asyncio.run(main()) == list(range(30))
    assert (storm.kills, storm.delays) == (0, 12)


@pytest.mark.usefixtures("start_method")
def test_a_coroutine_function_in_processes_may_die_as_well() -> None:
    async def wait(n: int) -> int:
        await asyncio.sleep(0)
        return n

    with chaos(kill=0.2, slow=0.2, delay=0.001, seed=1) as storm:
        assert weft.map(wait, range(20), on="process").results() == list(range(20))
    assert min(storm.kills, storm.delays) > 0


@pytest.mark.parametrize(
    "kind", ["serial", "thread", "process", "process by fork", "process by spawn", "async"], indirect=True
)
def test_calls_that_are_submitted_are_hit_too(kind: Any) -> None:
    """Each is an item of its own; plain or not."""

    async def plus(n: int, *, more: int = 0) -> int:
        return n + more

    with chaos(kill=0.1, slow=0.5, delay=0.001, seed=6) as storm:
        plain = [weft.submit(str, n, on=kind) for n in range(10)]
        awaited = [weft.submit(plus, n, on=kind, more=1) for n in range(10)]
        odd = [weft.submit(lambda n: f"{n}", n, on=kind) for n in range(10)]
        assert [future.result(30) for future in plain + odd] == [str(n) for n in range(10)] * 2
        assert [future.result(30) for future in awaited] == [n + 1 for n in range(10)]
    assert storm.delays >= 10
    assert (storm.kills > 0) == (kind == "process")


# ── where it ends ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("start_method")
def test_after_the_block_nothing_happens_also_in_workers_that_were_in_it() -> None:
    """Warm workers are the same before, in and after."""

    def pid(_: int) -> int:
        return os.getpid()

    def ask() -> set[int]:
        return set(weft.map(pid, range(20), on="process", max_workers=1).results())

    before = ask()
    with chaos(kill=0, slow=1, delay=0.001) as storm:
        within = ask()
    assert storm.delays == 20
    assert ask() == before == within
    with chaos(kill=1, slow=0) as storm:
        results_of(2)
    assert results_of(20) == [str(n) for n in range(20)]
    assert (storm.kills, storm.delays, FRONTS) == (6, 0, [])


@pytest.mark.usefixtures("start_method")
def test_a_run_that_goes_on_after_the_block_is_left_in_peace() -> None:
    """What begins in the block is hit in the block."""
    with chaos(kill=1, slow=0):
        run = weft.map(str, range(50), on="process", max_workers=1, on_error="keep", buffersize=2, chunksize=1)
        assert isinstance(next(run), weft.Failure)
    assert list(run)[-10:] == [str(n) for n in range(40, 50)]


def test_a_run_counts_when_it_begins() -> None:
    """That is when its first result is asked for."""
    before = weft.map(str, range(5), on="serial")
    with chaos(kill=0, slow=1, delay=0.001) as storm:
        before.results()
        after = weft.map(str, range(5), on="serial")
    after.results()
    assert storm.delays == 5


def test_of_blocks_inside_each_other_the_innermost_counts() -> None:
    """Calm may be had within a storm."""
    with chaos(kill=0, slow=1, delay=0.001) as outer:
        with chaos(kill=0, slow=0) as inner:
            results_of(3)
        results_of(4)
    assert (outer.delays, inner.delays) == (4, 0)


def test_runs_of_other_threads_are_in_it_and_runs_inside_workers_are_not() -> None:
    """A job may have threads of its own; what its workers do inside of themselves is theirs."""

    def inner(n: int) -> int:
        return len(weft.map(str, range(n), on="serial").results())

    with chaos(kill=0, slow=1, delay=0.001) as storm:
        thread = threading.Thread(target=results_of, args=(7,))
        thread.start()
        thread.join()
    assert storm.delays == 7
    for method in ("fork", "forkserver", "spawn"):
        with chaos(kill=0, slow=1, delay=0.001) as storm:
            run = weft.map(inner, [5, 6], on="process", start_method=method)
            assert run.results() == [5, 6]
        assert storm.delays == 2


def test_it_is_a_decorator_too() -> None:
    """Each call of the function is a block of its own, and two may go on at once."""

    @chaos(kill=0, slow=1, delay=0.001, seed=1)
    def job(depth: int) -> list[str]:
        assert len(FRONTS) == depth
        return job(depth + 1) if depth < 3 else results_of(3)

    assert job(1) == job(1) == ["0", "1", "2"]
    assert FRONTS == []


def test_it_leaves_no_file_and_can_be_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its figures stay until then."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    storm = chaos(kill=0, slow=1, delay=0.001)
    assert (storm.kills, storm.delays) == (0, 0)
    for count in (3, 2):
        with storm:
            assert len(list(tmp_path.iterdir())) == 1
            results_of(count)
            assert storm.delays == count
            with pytest.raises(RuntimeError, match="entered already"):
                storm.__enter__()
        assert storm.delays == count
    assert list(tmp_path.iterdir()) == []


def test_a_seed_that_was_not_given_can_be_read_off() -> None:
    """A failure under chance must be there to be looked at again."""
    storm = chaos(kill=0.5)
    assert repr(storm) == f"chaos(kill=0.5, slow=0.05, delay=0.05, seed={storm.seed})"
    assert storm.seed != chaos().seed


@pytest.mark.parametrize(
    "wrong",
    [{"kill": 1.1}, {"slow": -0.1}, {"kill": float("nan")}, {"delay": -1}, {"delay": float("inf")}, {"seed": 1.5}],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(weft.BadOption, match=next(iter(wrong))):
        chaos(**wrong)
