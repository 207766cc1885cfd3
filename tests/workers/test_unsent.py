"""What a worker has finished and not sent: it wakes nobody, and no death takes it along."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

import weft
from weft._transport.channel import Channel, Frame, SharedChannel
from weft._transport.line import MARK
from weft._workers import unsent
from weft._workers.ops import Op
from weft._workers.status import STACK, StatusPage, StatusPen
from weft._workers.unsent import Drawers, Unsent, frames_in


def part(chunk=1, first=0, body=b"results"):
    return Frame(Op.PART, 7, chunk, first, 0, body)


class Desk:
    """Both sides: a worker's, and its parent's view of it."""

    def __init__(self, near, far):
        self.page = StatusPage()
        self.pen = StatusPen(self.page.fd)
        self.parent = Channel(near, blocking=False)
        self.unsent = Unsent(SharedChannel(far), self.pen)
        self.held = [1]

    def close(self):
        self.page.close()
        self.parent.close()
        del self.pen, self.unsent  # its mapping has a descriptor of its own, up to Python 3.12


@pytest.fixture
def desk():
    near, far = socket.socketpair()
    with closing(far), closing(Desk(near, far)) as made:
        yield made


def test_parts_leave_with_the_end_of_their_chunk(desk):
    """In one message, in their order; until then they are in the drawer, and nobody is woken."""
    desk.unsent.keep(part(first=0))
    desk.unsent.keep(part(first=5, body=b"more"))
    assert desk.parent.drain() == []
    assert frames_in(desk.page.drawer) == [part(first=0), part(first=5, body=b"more")]
    end = Frame(Op.DONE, 7, 1, 9, 0, b"last")
    desk.unsent.send(end)
    assert desk.parent.drain() == [part(first=0), part(first=5, body=b"more"), end]
    assert desk.page.drawer == b""


@pytest.mark.parametrize("what", ["large in shared memory", "too large", "late"])
def test_what_can_not_wait_goes_at_once(desk, what, monkeypatch):
    """And what waited before it goes first."""
    desk.unsent.keep(part(first=0))
    if what == "late":
        monkeypatch.setattr(unsent, "LIES", 0.0)
    body = {"large in shared memory": bytes([MARK]) + b"place", "too large": bytes(STACK)}.get(what, b"small")
    desk.unsent.keep(part(first=5, body=body))
    assert [frame.first for frame in desk.parent.drain()] == [0, 5]
    assert desk.page.drawer == b""


def test_what_is_in_a_drawer_is_seen_once(desk):
    """And what then arrives is not heard again; of other chunks nothing is seen."""
    drawers = Drawers()
    desk.unsent.keep(part(first=0))
    assert drawers.look(desk) == [part(first=0)]
    desk.unsent.keep(part(first=5))
    desk.unsent.keep(part(chunk=2))
    assert drawers.look(desk) == [part(first=5)]
    desk.unsent.send()
    assert [drawers.seen(frame) for frame in desk.parent.drain()] == [True, True, False]
    assert not drawers.seen(part(first=0))


def test_a_drawer_that_is_emptied_meanwhile_is_not_believed(desk, monkeypatch):
    """Whoever looks may be slower than the worker, who has put other things in by then."""
    desk.unsent.keep(part(first=0, body=b"a" * 100))
    pread = os.pread

    def slowly(fd, count, offset):
        if count > 50:
            desk.pen.clear_drawer()
            desk.pen.put_away(b"b" * 60)
        return pread(fd, count, offset)

    monkeypatch.setattr(os, "pread", slowly)
    assert Drawers().look(SimpleNamespace(page=desk.page, held=[1])) == []


def test_a_long_stack_does_not_reach_what_is_finished(desk):
    """It is written behind that, as long as it may be."""
    desk.unsent.keep(part())
    os.write(desk.page.fd, b"Thread 0x1\n" * 10_000)
    assert frames_in(desk.page.drawer) == [part()]
    assert desk.page.stack.startswith("Thread 0x1")


def test_what_a_killed_worker_had_finished_is_not_run_again(tmp_path):
    """However long its chunk is: at most what it did in the last moments."""
    fn = Killed(tmp_path)
    assert weft.map(fn, range(20), on="process", max_workers=1, chunksize=20).results() == list(range(20))
    runs = (tmp_path / "runs").read_text().split()
    assert len(runs) <= 20 + 1 + 6  # the one that it died in, and those of the last 10 ms, of which there are two
    assert runs.count("3") == 1


class Killed:
    """Notes each run; at its first run, the 13th item kills its worker."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, n):
        with (self.folder / "runs").open("a") as runs:
            print(n, file=runs)
        time.sleep(0.005)
        if n == 12 and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return n


@pytest.mark.parametrize("way", ["for", "async for"])
def test_results_do_not_wait_for_an_item_that_takes_long(tmp_path, way):
    """It waits for them here: the third item of a chunk goes on when the first has been received."""
    received = tmp_path / "received"

    def item(n):
        time.sleep(0.012)
        ending = time.monotonic() + 30
        while n == 2 and not received.exists():
            assert time.monotonic() < ending
            time.sleep(0.01)
        return n

    run = weft.map(item, range(4), on="process", max_workers=1, chunksize=4)
    found = [(received.touch(), n)[1] for n in run] if way == "for" else asyncio.run(all_of(run, received))
    assert found == list(range(4))


async def all_of(run, received):
    return [(received.touch(), n)[1] async for n in run]
