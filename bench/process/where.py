"""Where the microseconds of one round trip to a worker process go; writes docs/design/microseconds.md's figures.

A worker is written by hand here in some lines: a socket pair, frames, pickle, a loop. What it does is measured
twice: each step alone, in one process, a thousand times over; and all together, there and back between two
processes. What the steps do not add up to is what the kernel takes to wake whoever waits. Round trips of less and
of more than that stand beside: one byte, weft.map one item at a time, weft.submit; all interleaved.

    python -m bench.process.where            print the figures
    python -m bench.process.where --write    the same, and put them into the page and its picture
"""

from __future__ import annotations

import os
import pickle
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from unittest import mock

import cloudpickle
from bench._side_by_side import machine, measure, median, parser, table
from bench.process._picture import Step, draw

import weft
from weft._transport import line as lines
from weft._transport.channel import Channel, Frame
from weft._transport.line import Line
from weft._transport.sockets import Socket

PAGE = Path(__file__).parents[2] / "docs" / "design" / "microseconds.md"
FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)

HEADER = struct.Struct("<BIQQIQ")  # as weft's
ITEM = [7]
ANSWER: tuple[object, ...] = ([49], [], 1, "weft-process-1 (pid 12345)", 1.0e-6, 1.0e-6, 0)
PACKED_ITEM, PACKED_ANSWER = pickle.dumps(ITEM, 5), pickle.dumps(ANSWER, 5)
BY_VALUE = "a small lambda, by value"
FRAME = HEADER.pack(2, 1, 1, 0, 1, len(PACKED_ANSWER)) + PACKED_ANSWER
MESSAGE, LAST = Frame(2, 1, 1, 0, 1, PACKED_ANSWER), 9


def square(x: int) -> int:
    return x * x


# ── workers written by hand ───────────────────────────────────────────────────────────────────────────────


@contextmanager
def child(serve: Callable[[socket.socket], None], cpu: int | None = None) -> Iterator[socket.socket]:
    """Our end of a socket to a forked process that serves the other, on a processor of its own if told."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            ours.close()
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            serve(theirs)
        os._exit(0)
    theirs.close()
    try:
        yield ours
    finally:
        ours.shutdown(socket.SHUT_RDWR)  # children forked later hold copies of our end
        ours.close()
        os.waitpid(pid, 0)


def echo(sock: socket.socket) -> None:
    while data := sock.recv(4096):
        sock.send(data)


@contextmanager
def looking(*, shared: bool) -> Iterator[Line]:
    """Our end of a line to a forked process that looks for messages without a pause, and sends each back."""
    with mock.patch.object(lines, "KEEPS_ORDER", shared and lines.KEEPS_ORDER):
        ours, ends = lines.lay_line()
        pid = os.fork()
        if pid == 0:
            with suppress(BaseException):
                theirs = lines.join_line(Channel(Socket(fileno=ends["channel"]), blocking=True), ends)
                while (message := looked_for(theirs)).op != LAST:
                    hand_over(theirs, message)
            os._exit(0)
    try:
        yield ours
    finally:
        ours.channel.send(MESSAGE._replace(op=LAST))
        os.waitpid(pid, 0)
        ours.close()
        for fd in ends.values():
            os.close(fd)


def looked_for(line: Line) -> Frame:
    line.expect()
    while not (found := line.glance()):
        os.sched_yield()
    return found[0]


def hand_over(line: Line, message: Frame) -> None:
    line.channel.quiet = True
    if not line.hand(message):
        line.channel.send(message)


def work(sock: socket.socket) -> None:
    while data := sock.recv(4096):
        HEADER.unpack_from(data)
        values = [square(item) for item in pickle.loads(memoryview(data)[HEADER.size :])]
        body = pickle.dumps((values, *ANSWER[1:]), 5)
        sock.send(HEADER.pack(6, 1, 1, 0, 1, len(body)) + body)


# ── round trips ───────────────────────────────────────────────────────────────────────────────────────────


def bytes_there_and_back(sock: socket.socket, count: int) -> bool:
    for _ in range(count):
        sock.send(b"!")
        sock.recv(4096)
    return True


def messages_there_and_back(line: Line, count: int) -> bool:
    for _ in range(count):
        line.expect()
        hand_over(line, MESSAGE)
        found = looked_for(line)
    return found == MESSAGE


def items_there_and_back(sock: socket.socket, count: int) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    for _ in range(count):
        body = pickle.dumps(ITEM, 5)
        sock.send(HEADER.pack(2, 1, 1, 0, 1, len(body)) + body)
        poll.poll(None)
        data = sock.recv(4096)
        HEADER.unpack_from(data)
        values = pickle.loads(memoryview(data)[HEADER.size :])[0]
    return bool(values == [49])


def items_beside_a_busy_thread(sock: socket.socket, count: int) -> bool:
    over = threading.Event()

    def spin() -> None:
        while not over.is_set():
            sum(range(1_000))

    busy = threading.Thread(target=spin)
    busy.start()
    try:
        return items_there_and_back(sock, count)
    finally:
        over.set()
        busy.join()


def between_threads(count: int) -> bool:
    there: SimpleQueue[int | None] = SimpleQueue()
    back: SimpleQueue[int] = SimpleQueue()

    def answer() -> None:
        while (item := there.get()) is not None:
            back.put(item)

    other = threading.Thread(target=answer)
    other.start()
    for item in range(count):
        there.put(item)
        back.get()
    there.put(None)
    other.join()
    return True


def by_map(count: int) -> bool:
    """One item out at a time, read by the caller."""
    run = weft.map(square, range(count), on="process", max_workers=1, chunksize=1, buffersize=1, progress=False)
    return list(run) == [x * x for x in range(count)]


def by_submit(count: int) -> bool:
    return all(weft.submit(square, x, on="process").result() == x * x for x in range(count))


# ── steps, each alone ─────────────────────────────────────────────────────────────────────────────────────


def again(step: Callable[[], object], count: int) -> bool:
    for _ in range(count):
        step()
    return True


def steps_alone(rounds: int, count: int) -> dict[str, float]:
    """What each step takes, in µs."""
    here, there = socket.socketpair()
    poll = select.poll()
    poll.register(there, select.POLLIN)

    def send_and_receive() -> None:
        here.send(FRAME)
        there.recv(4096)

    def send_poll_and_receive() -> None:
        here.send(FRAME)
        poll.poll(None)
        there.recv(4096)

    def frame() -> None:
        HEADER.unpack_from(HEADER.pack(2, 1, 1, 0, 1, len(PACKED_ITEM)) + PACKED_ITEM)

    runs: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "pickle the item": partial(pickle.dumps, ITEM, 5),
        "unpickle the item": partial(pickle.loads, PACKED_ITEM),
        "the call": lambda: [square(item) for item in ITEM],
        "pickle the result": partial(pickle.dumps, ANSWER, 5),
        "unpickle the result": partial(pickle.loads, PACKED_ANSWER),
        "frame": frame,
        "send and receive": send_and_receive,
        "send, poll and receive": send_poll_and_receive,
        BY_VALUE: partial(cloudpickle.dumps, lambda x: x * x, 5),
    }
    with here, there:
        times = measure({name: partial(again, step, count) for name, step in runs.items()}, rounds, bool)
    took = {name: median(taken) / count * 1e6 for name, taken in times.items()}
    nothing = took.pop("nothing")  # the loop and the call of a step
    return {name: max(0.0, each - nothing) for name, each in took.items()}


def round_trips(rounds: int, count: int) -> dict[str, float]:
    """What each kind of round trip takes, in µs."""
    first, *_, last = sorted(os.sched_getaffinity(0)) * 2  # the same one twice where there is one
    with ExitStack() as house:
        echoing, near, far = (house.enter_context(child(echo, cpu)) for cpu in (None, first, last))
        working = house.enter_context(child(work))
        by_socket, by_memory = (house.enter_context(looking(shared=shared)) for shared in (False, True))

        def pinned(sock: socket.socket) -> bool:
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {first})
            try:
                return bytes_there_and_back(sock, count)
            finally:
                os.sched_setaffinity(0, before)

        few = max(1, count // 50)
        runs: dict[str, tuple[Callable[[], bool], int]] = {
            "one byte": (partial(bytes_there_and_back, echoing, count), count),
            "one byte, both on one processor": (partial(pinned, near), count),
            "one byte, on two processors": (partial(pinned, far), count),
            "looked for, by the socket": (partial(messages_there_and_back, by_socket, count), count),
            "looked for, in shared memory": (partial(messages_there_and_back, by_memory, count), count),
            "a worker written by hand": (partial(items_there_and_back, working, count), count),
            "weft.map, one item at a time": (partial(by_map, count), count),
            "weft.submit": (partial(by_submit, count), count),
            "two threads, there and back": (partial(between_threads, count), count),
            "by hand, beside a busy thread": (partial(items_beside_a_busy_thread, working, few), few),
        }
        times = measure({name: run for name, (run, _) in runs.items()}, rounds, bool)
    return {name: median(times[name]) / trips * 1e6 for name, (_, trips) in runs.items()}


def in_order(alone: dict[str, float], whole: float) -> list[Step]:
    """The steps of the worker written by hand, as they follow each other; the rest is waking up."""
    syscall = alone["send and receive"] / 2
    poll = max(0.0, alone["send, poll and receive"] - alone["send and receive"])
    frame = alone["frame"] / 2
    ours = [
        Step("caller", "pickle", "pickle the item", alone["pickle the item"]),
        Step("caller", "loop", "frame", frame),
        Step("caller", "syscall", "send", syscall),
    ]
    theirs = [
        Step("worker", "syscall", "receive", syscall),
        Step("worker", "loop", "frame", frame),
        Step("worker", "pickle", "unpickle the item", alone["unpickle the item"]),
        Step("worker", "call", "the call", alone["the call"]),
        Step("worker", "pickle", "pickle the result", alone["pickle the result"]),
        Step("worker", "loop", "frame", frame),
        Step("worker", "syscall", "send", syscall),
    ]
    ours_again = [
        Step("caller", "syscall", "poll", poll),
        Step("caller", "syscall", "receive", syscall),
        Step("caller", "loop", "frame", frame),
        Step("caller", "pickle", "unpickle the result", alone["unpickle the result"]),
    ]
    waking = max(0.0, whole - sum(step.took for step in ours + theirs + ours_again)) / 2
    there, back = Step("worker", "wake-up", "wake-up", waking), Step("caller", "wake-up", "wake-up", waking)
    return [*ours, there, *theirs, back, *ours_again]


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    arguments = parser(__doc__, rounds=15)
    arguments.add_argument("--trips", type=int, default=1_000, help="round trips in a round (default: %(default)s)")
    arguments.add_argument("--write", action="store_true", help="put the figures into the page and its picture")
    asked = arguments.parse_args()
    print(f"{machine()}; {asked.rounds} rounds of {asked.trips} round trips")
    trips = round_trips(asked.rounds, asked.trips)
    alone = steps_alone(asked.rounds, asked.trips)
    steps = in_order(alone, trips["a worker written by hand"])
    table("Round trips", ["", "µs"], [[name, f"{took:.1f}"] for name, took in trips.items()])
    table("The one written by hand", ["", "µs"], [[f"{s.lane}: {s.what}", f"{s.took:.2f}"] for s in steps])
    if asked.write:
        PAGE.with_suffix(".svg").write_text(draw(steps, trips, machine()), encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(FIGURES.sub(lambda _: in_markdown(steps, trips, alone[BY_VALUE]), page), encoding="utf-8")
        print(f"\nwritten: {PAGE.name}, {PAGE.with_suffix('.svg').name}")


def in_markdown(steps: list[Step], trips: dict[str, float], by_value: float) -> str:
    kinds: dict[str, float] = {}
    for step in steps:
        kinds[step.kind] = kinds.get(step.kind, 0.0) + step.took
    lines = [f"Taken on {machine()}.", "", "| round trip | µs |", "|---|--:|"]
    lines += [f"| {name} | {took:.1f} |" for name, took in trips.items()]
    lines += ["", "| of the worker written by hand | µs |", "|---|--:|"]
    lines += [f"| {NAMES[kind]} | {took:.1f} |" for kind, took in sorted(kinds.items(), key=lambda pair: -pair[1])]
    lines += ["", f"To pack a small lambda by value, with `cloudpickle`: {by_value:.1f} µs."]
    return "\n".join(lines) + "\n"


NAMES = {
    "wake-up": "two wake-ups",
    "syscall": "system calls: two sends, two receives, a poll",
    "pickle": "pickle: item and result, each packed and unpacked",
    "loop": "frames",
    "call": "the call itself",
}


if __name__ == "__main__":
    main()
