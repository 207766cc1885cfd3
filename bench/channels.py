"""Channels against the standard library's queues, and pipes against its pipes.

Between processes: one that puts, this one that gets; `weft.Channel` against `multiprocessing.Queue`, `SimpleQueue` and
`Manager().Queue()`, small items and such of 1 MiB. Between threads: against `queue.Queue`. A message there and back:
`weft.Pipe` against `multiprocessing.Pipe`. Processes are forked, which is fastest for all, and there before the clock
starts, and so are the large items; every item is checked.

Goals: `multiprocessing.Queue` takes at least 3 times as long, `Manager().Queue()` 30 times.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from contextlib import ExitStack
from queue import Queue
from typing import Any, Self

from _side_by_side import goal_at_least, machine, measure, parser, ratio, show

import weft

SMALL = 20_000  # items
BY_MANAGER = 2_000  # of the slowest, whose time is scaled up
LARGE = 1_000
MIB = 2**20
ROUND_TRIPS = 2_000
FORK = multiprocessing.get_context("fork")


class Producer:
    """A process that puts when it is told to."""

    def __init__(self, queue: Any, item: Callable[[int], Any]) -> None:
        self.queue, self._go = queue, FORK.SimpleQueue()
        self._process = FORK.Process(target=put_on_demand, args=(queue, self._go, item), daemon=True)
        self._process.start()

    def take(self, count: int, right: Callable[[int, Any], bool]) -> int:
        """So many items, from the first put to the last get; how many of them were right. None is kept."""
        self._go.put(count)
        get = self.queue.get
        return sum(right(n, get()) for n in range(count))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()


def put_on_demand(queue: Any, go: Any, item: Callable[[int], Any]) -> None:
    while True:
        for n in range(go.get()):
            queue.put(item(n))


def number(n: int) -> int:
    return n


# Some that differ, there before the clock starts: to make one takes as long as to put it.
PAGES = [n.to_bytes(8, "little") + bytes(MIB - 8) for n in range(8)]


def page(n: int) -> bytes:
    return PAGES[n % len(PAGES)]


def is_number(n: int, item: int) -> bool:
    return item == n


def is_page(n: int, item: bytes) -> bool:
    return len(item) == MIB and item[:8] == PAGES[n % len(PAGES)][:8]


def echo(end: Any) -> None:
    while True:
        end.send(end.recv())


def through(queue: Any, count: int) -> list[int]:
    """Between two threads of one process."""
    thread = threading.Thread(target=lambda: [queue.put(n) for n in range(count)])
    thread.start()
    found = [queue.get() for _ in range(count)]
    thread.join()
    return found


def there_and_back(end: Any, count: int) -> list[int]:
    found = []
    for n in range(count):
        end.send(n)
        found.append(end.recv())
    return found


def between_processes(
    rounds: int, ways: tuple[Callable[[int], Any], Callable[[int, Any], bool]], count: int, slow: int, title: str
) -> list[float]:
    """Measure; how many times as long multiprocessing.Queue and a manager's take."""
    item, right = ways
    with ExitStack() as house:
        manager = house.enter_context(FORK.Manager())
        queues = {
            "weft.Channel": weft.Channel(),
            "weft.Channel(1000)": weft.Channel(1000),
            "multiprocessing.Queue": FORK.Queue(),
            "SimpleQueue": FORK.SimpleQueue(),
            "Manager().Queue": manager.Queue(),
        }
        made = {name: house.enter_context(Producer(queue, item)) for name, queue in queues.items()}
        counts = {name: slow if name.startswith("Manager") else count for name in made}
        runs = {name: (lambda name=name: (name, made[name].take(counts[name], right))) for name in made}
        times = measure(runs, rounds, lambda found: found[1] == counts[found[0]])
    for name, few in counts.items():
        times[name] = [taken * count / few for taken in times[name]]
    show(title, times, peer="weft.Channel", items=count)
    return [ratio(times, peer, "weft.Channel") for peer in ("multiprocessing.Queue", "Manager().Queue")]


def main() -> None:
    asked = parser(__doc__, rounds=7).parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    title = f"{SMALL:,} integers from another process"
    small = between_processes(asked.rounds, (number, is_number), SMALL, BY_MANAGER, title)
    title = f"{LARGE:,} bytes objects of 1 MiB from another process"
    large = between_processes(asked.rounds, (page, is_page), LARGE, LARGE, title)

    queues = {"weft.Channel": weft.Channel(), "queue.Queue": Queue()}
    threads = {name: (lambda queue=queue: through(queue, SMALL)) for name, queue in queues.items()}
    times = measure(threads, asked.rounds, lambda found: found == list(range(SMALL)))
    show(f"{SMALL:,} integers from another thread", times, peer="queue.Queue", items=SMALL)

    ends = {"weft.Pipe": weft.Pipe(), "multiprocessing.Pipe": FORK.Pipe()}
    answering = [FORK.Process(target=echo, args=(there,), daemon=True) for _, there in ends.values()]
    for process in answering:
        process.start()
    trips = {name: (lambda here=here: there_and_back(here, ROUND_TRIPS)) for name, (here, _) in ends.items()}
    times = measure(trips, asked.rounds, lambda found: found == list(range(ROUND_TRIPS)))
    show(f"{ROUND_TRIPS:,} messages there and back", times, peer="multiprocessing.Pipe", items=ROUND_TRIPS)
    for process in answering:
        process.kill()
        process.join()

    print()
    for what, (queue, manager) in {"integers": small, "1 MiB": large}.items():
        goal_at_least(f"multiprocessing.Queue / weft.Channel, {what}", queue, 3)
        goal_at_least(f"Manager().Queue / weft.Channel, {what}", manager, 30)


if __name__ == "__main__":
    main()
