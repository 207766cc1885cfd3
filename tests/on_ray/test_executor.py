"""weft.RayExecutor, and the keywords of on="ray": what people use of it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import Executor, as_completed, wait
from itertools import pairwise
from typing import Any

import pytest

import weft
from weft.errors import InitializerFailed


@pytest.fixture
def executor() -> Any:
    with weft.RayExecutor() as executor:
        yield executor


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def fail(n: int) -> None:
    raise ValueError(n)


def test_it_is_an_executor(executor: Any) -> None:
    """Wherever one is expected."""
    assert isinstance(executor, Executor)
    futures = [executor.submit(pow, 2, n) for n in range(20)]
    assert {future.result() for future in as_completed(futures)} == {2**n for n in range(20)}
    assert wait(futures).not_done == set()
    assert executor.submit(lambda *, by: by + 1, by=2).result() == 3


def test_its_size_is_that_of_the_cluster(executor: Any, cluster: Any) -> None:
    """By what each call needs."""
    assert executor._max_workers == 2
    with weft.RayExecutor(num_cpus=0.5) as narrow, weft.RayExecutor(max_workers=3) as said:
        assert (narrow._max_workers, said._max_workers) == (4, 3)


def test_map_is_in_order_and_may_begin_before_it_is_asked(executor: Any) -> None:
    assert list(executor.map(pow, range(100), range(100))) == [n**n for n in range(100)]
    results = executor.map(nap, [0.01] * 4)
    time.sleep(0.5)
    assert list(results) == [0.01] * 4
    assert list(executor.map(str, range(5000))) == [str(n) for n in range(5000)]
    assert list(executor.map(str, range(50), chunksize=7, buffersize=20)) == [str(n) for n in range(50)]


def test_map_gives_up_waiting_at_its_timeout(executor: Any) -> None:
    with pytest.raises(TimeoutError):
        list(executor.map(nap, [0, 3], timeout=0.3))


def test_errors_are_the_futures(executor: Any) -> None:
    error = executor.submit(fail, 7).exception()
    assert isinstance(error, ValueError)
    assert "in fail" in str(error.__cause__)
    with pytest.raises(ValueError):
        list(executor.map(fail, [1]))
    assert isinstance(executor.submit(threading.Lock).exception(), weft.NotSendable)
    assert isinstance(executor.submit(str, threading.Lock()).exception(), weft.NotSendable)


def test_after_shutdown_it_takes_nothing_and_has_finished_all() -> None:
    executor = weft.RayExecutor()
    future = executor.submit(nap, 0.2)
    executor.shutdown()
    assert future.done()
    for use in (lambda: executor.submit(str, 1), lambda: weft.map(str, [1], on=executor).results()):
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            use()


def test_what_has_not_begun_can_be_cancelled() -> None:
    executor = weft.RayExecutor(max_workers=1)
    futures = [executor.submit(nap, 0.3) for _ in range(6)]
    executor.shutdown(cancel_futures=True)
    assert futures[0].result() == 0.3
    assert futures[-1].cancelled()


def test_an_initializer_runs_in_each_worker_before_anything_else() -> None:
    def prepare(name: str) -> None:
        os.environ["WEFT_TEST_PREPARED"] = name

    with weft.RayExecutor(initializer=prepare, initargs=("loom",)) as executor:
        futures = [executor.submit(lambda: os.environ["WEFT_TEST_PREPARED"]) for _ in range(6)]
        assert [future.result() for future in futures] == ["loom"] * 6


def test_an_initializer_that_raises_breaks_it() -> None:
    with weft.RayExecutor(initializer=fail, initargs=(3,)) as executor:
        with pytest.raises(InitializerFailed, match="ValueError: 3"):
            executor.submit(str, 1).result()
        with pytest.raises(InitializerFailed):
            executor.submit(str, 1)


def test_weft_map_runs_on_it_with_all_that_weft_offers(executor: Any) -> None:
    """Not as on anybody's executor: its workers can be ended, and know what they are."""
    run = weft.map(nap, [0.01, 30, 0.02], on=executor, timeout=1, on_error="keep")
    first, hung, last = run.results()
    assert (first, last, hung.error.stopped) == (0.01, 0.02, True)
    assert str(run.explain()).startswith("Ray tasks ×2: RayExecutor was given")
    assert weft.map(lambda _: weft.current_worker().kind, "ab", on=executor).results() == ["ray", "ray"]
    assert executor.submit(str, 5).result() == "5"


def test_run_in_executor(executor: Any) -> None:
    async def main() -> Any:
        return await asyncio.get_running_loop().run_in_executor(executor, pow, 2, 8)

    assert asyncio.run(main()) == 256


def test_resources_are_taken_while_a_chunk_runs(cluster: Any) -> None:
    """So two that need both processors never run at once."""

    def at_once(seconds: float) -> float:
        began = time.monotonic()
        time.sleep(seconds)
        return began

    run = weft.map(at_once, [0.3] * 3, on="ray", num_cpus=2)
    began = sorted(run.results())
    assert min(later - earlier for earlier, later in pairwise(began)) >= 0.3
    assert "×1" in str(run.explain())


def test_a_runtime_environment_is_the_functions() -> None:
    run = weft.map(os.getenv, ["WEFT_TEST_LEVEL"], on="ray", runtime_env={"env_vars": {"WEFT_TEST_LEVEL": "3"}})
    assert run.results() == ["3"]
    with weft.RayExecutor(runtime_env={"env_vars": {"WEFT_TEST_LEVEL": "4"}}) as executor:
        assert executor.submit(os.getenv, "WEFT_TEST_LEVEL").result() == "4"


def test_another_cluster_than_the_one_that_is_there_is_refused() -> None:
    with pytest.raises(weft.BadOption, match="where this process is connected already"):
        weft.RayExecutor(address="192.0.2.1:6379")


@pytest.mark.parametrize(
    "wrong",
    [{"num_cpus": -1}, {"num_gpus": "all"}, {"resources": {"CPU": 1}}, {"resources": 3}, {"runtime_env": "pandas"}],
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(weft.BadOption, match=next(iter(wrong))):
        weft.map(str, [1], on="ray", **wrong)
    with pytest.raises(weft.BadOption, match=next(iter(wrong))):
        weft.RayExecutor(**wrong)


def test_patterns_run_on_ray() -> None:
    """All that takes ``on=``."""
    flow = weft.pipeline(range(20)).map(lambda n: n + 1, on="ray").filter(lambda n: n % 2).map(str, on="thread")
    with flow.run() as run:
        assert list(run) == [str(n) for n in range(1, 21, 2)]
    with weft.TaskGroup() as group:
        tasks = [group.submit(pow, n, 2, on="ray") for n in range(5)]
    assert [task.result() for task in tasks] == [0, 1, 4, 9, 16]

    def visit(n: int, more: Any) -> int:
        if n < 8:
            more(2 * n)
            more(2 * n + 1)
        return n

    assert sorted(weft.worklist(visit, [1], on="ray")) == list(range(1, 16))


def test_a_run_in_a_worker_knows_how_many_processors_are_its_own() -> None:
    """Those it was given, and not all that its machine has."""
    from weft._choose.machine import Machine

    assert set(weft.map(lambda _: Machine.here().cpus, range(4), on="ray").results()) == {1}


def test_it_goes_on_where_another_thread_began_it(executor: Any) -> None:
    """Several threads may submit."""
    results: list[int] = []

    def use(n: int) -> None:
        results.append(sum(executor.map(abs, range(n))))

    threads = [threading.Thread(target=use, args=(n,)) for n in (10, 200, 3000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [45, 19_900, 4_498_500]
