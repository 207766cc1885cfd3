"""auto against the best that anybody could have said by hand, on many kinds of work.

    python -m bench.choose                        the set that is tuned with
    python -m bench.choose --set held-out         the other, which is only ever run to report
    python -m bench.choose --only square links    some of either
    python -m bench.choose --show tuning          the report of the last run again

Each workload is first run once by every candidate: the plain loop, threads, processes and coroutines of a grid of
numbers, and ThreadPoolExecutor() and ProcessPoolExecutor() as they come. The quickest and the plain loop then meet auto
in interleaved rounds, whose medians count. Every result is compared with that of the plain loop.

What was measured is kept in bench/out/choose-SET.json, the report in choose-SET.md and choose-SET.svg.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench._side_by_side import cpus, interleaved, machine

import weft

from ._figures import Measured, finalists, neighbours, predictions
from ._report import report
from ._sets import SETS, Place, Workload
from ._stage import missing, stage

OUT: Final = Path(__file__).parents[1] / "out"
THREADS: Final = (2, 8, 32, 128)
COROUTINES: Final = (10, 50, 200, 1_000)
MANY: Final = 20_000  # items: more than that take the standard library's executors, one by one, seconds to minutes
TOO_LONG: Final = 4.0  # seconds: a plain loop that takes longer is run once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, default="tuning", help="which workloads (default: %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these, of whichever set")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--cold", action="store_true", help="end all warm workers before each run")
    parser.add_argument("--remember", action="store_true", help="let auto remember from run to run, in a folder apart")
    parser.add_argument("--no-postgres", action="store_true", help="do not start a PostgreSQL")
    parser.add_argument("--show", choices=SETS, help="print the report of the last run of a set, and run nothing")
    asked = parser.parse_args()
    if asked.show:
        print(report(json.loads((OUT / f"choose-{asked.show}.json").read_text()), OUT))
        return
    os.environ["WEFT_CACHE"] = tempfile.mkdtemp(prefix="weft-choose-") if asked.remember else "off"
    chosen = dict(SETS[asked.set])
    if asked.only:
        everything = {name: each for known in SETS.values() for name, each in known.items()}
        unknown = [name for name in asked.only if name not in everything]
        if unknown:
            parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(everything)}")
        chosen = {name: everything[name] for name in asked.only}
    _run_all(chosen, asked)


def _run_all(chosen: dict[str, Workload], asked: argparse.Namespace) -> None:
    began = perf_counter()
    done: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    with stage(postgres=not asked.no_postgres) as (place, why):
        for name, workload in chosen.items():
            lacks = missing(workload, place)
            if lacks is not None:
                skipped[name] = f"no {lacks}" + (f" ({why})" if lacks == "PostgreSQL" else "")
                print(f"{name:24} skipped: {skipped[name]}", flush=True)
                continue
            bout = Bout(name, workload, place, cold=asked.cold)
            measured = bout.run(asked.rounds)
            done.append(measured.to_dict())
            print(line(measured), flush=True)
    data = {
        "set": asked.set if not asked.only else "some", "machine": machine(), "cpus": cpus(), "rounds": asked.rounds,
        "cold": asked.cold, "remember": asked.remember, "seconds": round(perf_counter() - began, 1),
        "workloads": done, "skipped": skipped,
    }  # fmt: skip
    OUT.mkdir(exist_ok=True)
    (OUT / f"choose-{data['set']}.json").write_text(json.dumps(data, indent=1))
    print("\n" + report(data, OUT))


def line(measured: Measured) -> str:
    """A workload in a line, while others are still to come."""
    auto, best = measured.median("auto"), measured.best
    chose = measured.chose[-1] if measured.chose else ""
    return (
        f"{measured.name:24} best {measured.median(best) * 1e3:8.1f} ms {best:12} auto {auto * 1e3:8.1f} ms "
        f"{measured.regret:5.2f} × {chose}"
    )


class Bout:
    """One workload and all who run it."""

    def __init__(
        self, name: str, workload: Workload, place: Place, *, cold: bool = False, few: int | None = None
    ) -> None:
        self.name, self.workload, self.cold = name, workload, cold
        self.fn, items = workload.make(place)
        self.items = items[:few]
        self._runs: dict[str, dict[str, float]] = {}
        self._expected: Any = None
        self._last: Any = None

    def run(self, rounds: int) -> Measured:
        """Try all candidates once; then the quickest, and auto, in rounds."""
        screened = dict(self._tried())
        quickest = min(screened, key=lambda name: screened[name])
        for name in neighbours(quickest, screened):
            screened[name] = self.time(name)
        names = [*finalists(screened), "auto"]
        names = [name for name in names if name != "serial" or screened["serial"] < TOO_LONG]
        measured = Measured(self.name, self.workload.nature, {name: [] for name in names}, screened)
        measured.serial = self._plain_loop() if self.workload.awaits else screened["serial"]
        for _, name in interleaved(names, rounds, warmups=0):
            measured.times[name].append(self.time(name))
            if name == "auto":
                explained = self._last.explain()
                measured.chose.append(str(explained.headline))
                measured.explained = json.loads(json.dumps(explained.to_dict(), default=str))
        self._check_predictions(measured)
        measured.stays, measured.pure = self._stays(), not self.workload.stays
        measured.runs, measured.items = self._runs, len(self.items)
        return measured

    def _check_predictions(self, measured: Measured) -> None:
        """Run once what was predicted and is no candidate, as the very number of threads that the model asks for."""
        known = {*measured.screened, *measured.times}
        for name, rate in predictions(measured.explained).items():
            if name in known or "threads each" in name or len(self.items) / rate > TOO_LONG:
                continue
            if self.workload.stays and name.startswith("process"):
                continue
            with contextlib.suppress(weft.WeftError):
                measured.screened[name] = self.time(name)

    def _tried(self) -> Iterator[tuple[str, float]]:
        """Every candidate once; those that can't run it at all, as a closure by ProcessPoolExecutor, are left out."""
        for name in self.candidates():
            try:
                yield name, self.time(name)
            except AssertionError:
                raise
            except Exception as error:
                print(f"{self.name:24} {name} can't: {type(error).__name__}: {str(error)[:80]}", flush=True)

    def candidates(self) -> Iterator[str]:
        """All that it may be given to."""
        if self.workload.awaits:
            yield from (f"async ×{count}" for count in COROUTINES)
            return
        yield "serial"
        yield from (f"thread ×{count}" for count in THREADS)
        if not self.workload.stays:
            yield from (f"process ×{count}" for count in sorted({2, max(2, cpus() // 2), cpus(), 2 * cpus()}))
        if len(self.items) < MANY:
            yield "ThreadPoolExecutor()"
            if not self.workload.stays:
                yield "ProcessPoolExecutor()"

    def time(self, candidate: str) -> float:
        """Seconds that a candidate takes; its result is looked at."""
        if self.cold:
            from weft._workers.kinds import stop_idle_workers

            stop_idle_workers()
        self._last = None  # what it holds of an earlier run's results is not to be freed at this one's expense
        gc.collect()
        call = self.call_of(candidate)
        with silence() if self.workload.prints else contextlib.nullcontext():
            began = perf_counter()
            results = call()
            took = perf_counter() - began
        self._check(candidate, results)
        return took

    def call_of(self, candidate: str) -> Callable[[], list[Any]]:
        """What a candidate does."""
        kind, _, count = candidate.partition(" ×")
        if kind in {"ThreadPoolExecutor()", "ProcessPoolExecutor()"}:
            return lambda: self._by_executor(ThreadPoolExecutor if kind.startswith("T") else ProcessPoolExecutor)
        return lambda: self._by_weft(kind, int(count) if count else None)

    def _by_weft(self, kind: str, count: int | None) -> list[Any]:
        name = f"{kind} ×{count}" if count else kind
        self._last = weft.map(self.fn, self._input(), on=kind, max_workers=count, progress=False)  # type: ignore[arg-type]
        results: list[Any] = self._last.results()
        stats = self._last.stats
        self._runs[name] = {"busy": stats.busy, "cpu": stats.cpu}
        return results

    def _by_executor(self, make: type[ThreadPoolExecutor | ProcessPoolExecutor]) -> list[Any]:
        with make() as executor:
            return list(executor.map(self.fn, self._input()))

    def _input(self) -> Any:
        return (item for item in self.items) if self.workload.lazy else self.items

    def _plain_loop(self) -> float:
        """What a coroutine after the other would take, told by the first three."""
        began = perf_counter()

        async def loop() -> None:
            for item in self.items[:3]:
                await self.fn(item)

        asyncio.run(loop())
        return (perf_counter() - began) / len(self.items[:3]) * len(self.items)

    def _check(self, candidate: str, results: list[Any]) -> None:
        """Raises: AssertionError: the results are not those of whoever came first, the plain loop."""
        shown = [_shown(result) for result in itertools.islice(results, 0, None, max(1, len(results) // 50))]
        if self._expected is None:
            self._expected = (len(self.items), shown)
        if (len(results), shown) != self._expected:
            raise AssertionError(f"{self.name} by {candidate}: wrong results")

    def _stays(self) -> str | None:
        from weft._choose.effects import reach

        return reach(self.fn, self.items[0])


def _shown(result: Any) -> Any:
    """A result as it can be compared and kept: of an array a few of its numbers."""
    if type(result).__module__ == "numpy":
        return (result.shape, float(result.flat[0]), float(result.flat[-1])) if result.ndim else float(result)
    return (len(result), result[:20]) if isinstance(result, bytes) else result


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Throw away what this process prints, and what its workers do."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


if __name__ == "__main__":
    main()
