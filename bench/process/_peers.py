"""The peers: a pool of each, started once, kept warm, and asked in the way that is fastest for it.

Those that can fork do: it is the fastest way to start, and lets a function travel as its name. What a chunk size
does for them is searched, not guessed (:func:`tuned`).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from bench._side_by_side import fastest, measure

Fn: TypeAlias = Callable[[Any], Any]
Check: TypeAlias = Callable[[Any], bool]

FORK: Final = multiprocessing.get_context("fork")


class Peer(NamedTuple):
    """A pool that runs.

    Attributes:
        map: All results of a function over items, with a chunk size, or with ``None`` the way it is by default.
        call: The result of one call; ``None`` if it has no such thing.
    """

    map: Callable[[Fn, Sequence[Any], int | None], list[Any]]
    call: Callable[[Fn, Any], Any] | None


# ── each of them ──────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def pool(workers: int) -> Iterator[Peer]:
    with FORK.Pool(workers) as made:
        yield Peer(made.map, lambda fn, item: made.apply(fn, (item,)))


@contextmanager
def executor(workers: int) -> Iterator[Peer]:
    with ProcessPoolExecutor(workers, mp_context=FORK) as made:
        yield like_an_executor(made)


@contextmanager
def loky(workers: int) -> Iterator[Peer]:
    from loky import ProcessPoolExecutor as LokyExecutor

    made = LokyExecutor(workers, timeout=None)  # its reusable executor would be one for all numbers of workers
    try:
        yield like_an_executor(made)
    finally:
        made.shutdown(wait=True, kill_workers=True)


@contextmanager
def joblib(workers: int) -> Iterator[Peer]:
    from joblib import Parallel, delayed

    def run(fn: Fn, items: Sequence[Any], size: int | None) -> list[Any]:
        told = {} if size is None else {"batch_size": size, "pre_dispatch": "all"}
        results: list[Any] = Parallel(workers, **told)(delayed(fn)(item) for item in items)  # its workers stay
        return results

    yield Peer(run, None)


@contextmanager
def mpire(workers: int) -> Iterator[Peer]:
    from mpire import WorkerPool

    with WorkerPool(workers, start_method="fork", keep_alive=True) as made:
        yield Peer(
            lambda fn, items, size: list(made.map(fn, items, chunk_size=size)),
            lambda fn, item: made.apply(fn, (item,)),
        )


@contextmanager
def pebble(workers: int) -> Iterator[Peer]:
    from pebble import ProcessPool

    with ProcessPool(workers, context=FORK) as made:
        yield Peer(
            lambda fn, items, size: list(made.map(fn, items, **sized(size)).result()),
            lambda fn, item: made.schedule(fn, (item,)).result(),
        )


PEERS: Final[Mapping[str, Callable[[int], AbstractContextManager[Peer]]]] = {
    "Pool": pool,
    "ProcessPoolExecutor": executor,
    "mpire": mpire,
    "pebble": pebble,
    "loky": loky,
    "joblib": joblib,
}


def like_an_executor(made: Any) -> Peer:
    return Peer(
        lambda fn, items, size: list(made.map(fn, items, **sized(size))),
        lambda fn, item: made.submit(fn, item).result(),
    )


def sized(size: int | None) -> dict[str, int]:
    return {} if size is None else {"chunksize": size}


# ── all of them ───────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def warm(workers: int, names: Iterable[str] = PEERS) -> Iterator[dict[str, Peer]]:
    """The peers, with so many workers each, that have run already: nobody starts while the clock runs.

    One that is not installed is left out, and a line says so.
    """
    with ExitStack() as house:
        running = {}
        for name in names:
            try:
                peer = house.enter_context(PEERS[name](workers))
            except ImportError as error:
                print(f"without {name}: {error}")
                continue
            assert peer.map(abs, range(-2 * workers, 0), 1) == list(range(2 * workers, 0, -1))
            running[name] = peer
        yield running


def tuned(
    peers: Mapping[str, Peer], fn: Fn, items: Sequence[Any], grid: Sequence[int], *, rounds: int, right: Check
) -> dict[str, Callable[[], Any]]:
    """Each peer's run over the items at the chunk size of *grid* that is best for it, which is searched here."""
    best: dict[str, Callable[[], Any]] = {}
    for name, peer in peers.items():
        runs = {f"{name}, chunks of {size}": partial(peer.map, fn, items, size) for size in grid}
        found = fastest(measure(runs, rounds, right, warmups=0), runs)
        best[found] = runs[found]
    return best
