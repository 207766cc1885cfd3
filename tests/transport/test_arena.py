"""Shared memory one way: what is lent is not written to, what is given back is used again, and nothing is left."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import pickle
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from weft._transport import area as areas
from weft._transport import arena as arenas
from weft._transport.area import GRAIN, HEAD, Area, create_area, size_class
from weft._transport.arena import Arena, Ground, layout
from weft._transport.leases import ENDED, LEASABLE, Leases

np = pytest.importorskip("numpy")

MIB = 2**20


class Ends:
    """Both ends of an area, in one process: the arena cannot tell."""

    def __init__(self, budget: int = 16 * MIB) -> None:
        area = create_area(budget)
        assert area is not None
        self.arena, self.leases = Arena(area), Leases(Area(os.dup(area.fd), reads=True))
        self.fd = area.fd

    def send(self, *parts: bytes | bytearray) -> list[Any] | None:
        """What arrives of *parts*; ``None`` if there is no room."""
        place = self.arena.put([memoryview(part) for part in parts])
        if place is None:
            return None
        return self.leases.take(*place, [(len(part), isinstance(part, bytes)) for part in parts])

    @property
    def memory(self) -> int:
        """Bytes that the system has given it, the table apart."""
        return os.fstat(self.fd).st_blocks * 512 - HEAD

    def close(self) -> None:
        self.arena.close()
        self.leases.close()
        del self.arena, self.leases  # as a line does: what is held then lives by itself


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def filled(byte: int, nbytes: int = MIB) -> bytearray:
    return bytearray([byte]) * nbytes


# ── what arrives ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nbytes", [1, 63, 64, 65, 4096, 100_000, LEASABLE - 1, LEASABLE, LEASABLE + 1, 5 * MIB])
def test_what_is_written_is_what_is_read(ends: Ends, nbytes: int) -> None:
    """Fresh and warm, in place and copied."""
    for turn in range(4):
        data = random.Random(turn).randbytes(nbytes)
        [got] = ends.send(data)
        assert bytes(got) == data
        del got


def test_several_parts_share_a_block(ends: Ends) -> None:
    """Small ones are not worth a block each."""
    parts = [filled(n, size) for n, size in enumerate([1, 100, 64, 65, 300_000, 4096])]
    assert [bytes(part) for part in ends.send(*parts)] == [bytes(part) for part in parts]
    assert len(ends.arena._lent) == 1


@pytest.mark.parametrize("nbytes", [1000, 2 * MIB])
def test_what_could_be_written_to_can_be_and_what_could_not_can_not(ends: Ends, nbytes: int) -> None:
    """An array arrives as it was; nobody writes into what others take for constant."""
    writable, readonly = ends.send(bytearray(nbytes), bytes(nbytes))
    memoryview(writable)[0] = 1
    assert memoryview(readonly).readonly
    assert not memoryview(writable).readonly


def test_large_parts_are_not_copied(ends: Ends) -> None:
    """What the reader writes into its view is in the block."""
    [view] = ends.send(bytearray(MIB))
    view[5] = 77
    [block] = ends.arena._lent.values()
    assert ends.arena._memory[block.offset + 5] == 77


@pytest.mark.parametrize("nbytes", [64 * 1024, 70_000, 700_000])
def test_what_came_apart_is_read_where_it_lies(ends: Ends, nbytes: int) -> None:
    """However little it is: the last of a message, too, which shares its block with few."""
    [view] = ends.send(bytearray(nbytes))
    view[5] = 77
    [block] = ends.arena._lent.values()
    assert ends.arena._memory[block.offset + 5] == 77


def test_small_parts_are_copied_and_their_block_is_free_at_once(ends: Ends) -> None:
    """A kept result of a few KiB must not keep a block."""
    kept = [ends.send(filled(n, 50_000)) for n in range(50)]
    assert len(ends.arena._lent) + len(ends.arena._free) <= 2
    assert [part[0][-1] for part in kept] == list(range(50))


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_block_is_used_again_when_the_last_view_is_gone(ends: Ends) -> None:
    """Warm memory is ten times as fast as fresh."""
    for n in range(100):
        [view] = ends.send(filled(n))
        assert view[0] == view[-1] == n
        del view
    assert ends.arena.size == MIB


def test_a_block_that_is_held_is_not_written_to(ends: Ends) -> None:
    """The promise that everything else is about."""
    kept = [ends.send(filled(n))[0] for n in range(6)]
    for n in range(6, 50):
        ends.send(filled(n))
    assert [view[0] for view in kept] == [view[-1] for view in kept] == list(range(6))


@pytest.mark.parametrize(
    "look",
    [
        lambda view: np.frombuffer(view, np.uint8),
        lambda view: np.frombuffer(view, np.uint8)[100:][5:].reshape(-1, 1).T[:, ::7],
        lambda view: np.frombuffer(view, np.float64).view(np.int64)[3:],
        lambda view: memoryview(view)[17:].cast("B"),
        lambda view: memoryview(np.frombuffer(view, np.uint8)[9:]),
        lambda view: np.frombuffer(view, np.dtype([("a", "i4"), ("b", "i4")]))["b"],
        lambda view: np.broadcast_to(np.frombuffer(view, np.uint8)[8:16], (100, 8)),
    ],
)
def test_whatever_looks_into_a_block_keeps_it(ends: Ends, look: Any) -> None:
    """NumPy makes the base of a view the base's base: a lease that hangs on an array in between would end too soon."""
    [view] = ends.send(filled(1))
    small = look(view)
    expected = bytes(small)
    del view
    gc.collect()
    for n in range(2, 40):
        ends.send(filled(n))
    assert bytes(small) == expected
    assert ends.leases.held == MIB
    del small
    gc.collect()
    assert ends.leases.held == 0


def test_a_view_in_a_cycle_is_whole_until_the_last_finalizer_has_seen_it(ends: Ends) -> None:
    """The collector calls weak references first and __del__ after: by then the block must not be another's."""
    seen = []

    class Knot:
        def __init__(self, view: Any) -> None:
            self.view, self.me = view, self

        def __del__(self) -> None:
            for n in range(2, 40):
                ends.send(filled(n))
            seen.append(self.view[0])

    Knot(np.frombuffer(ends.send(filled(1))[0], np.uint8))
    gc.collect()
    assert seen == [1]
    assert ends.leases.held == 0


def test_a_reader_that_keeps_everything_gets_copies_and_leaves_the_writer_room() -> None:
    """Half of the budget may be held; what comes then is copied, and nobody waits for anybody."""
    ends = Ends(16 * MIB)
    kept = [ends.send(filled(n % 251)) for n in range(100)]
    assert all(parts is not None and parts[0][0] == parts[0][-1] == n % 251 for n, parts in enumerate(kept))
    assert ends.leases.held == 8 * MIB
    assert ends.arena.size <= 16 * MIB
    ends.close()


def test_what_is_refused_leaves_the_arena_as_it_was() -> None:
    """Over budget it says so, and the sender sends it another way."""
    ends = Ends(4 * MIB)
    places = [ends.arena.put([memoryview(filled(n))]) for n in range(6)]
    assert [place is not None for place in places] == [True] * 4 + [False] * 2
    assert ends.arena.put([memoryview(bytes(5 * MIB))]) is None
    ends.leases.give_back(places[0][0])
    assert ends.arena.put([memoryview(filled(9))]) == places[0]
    ends.close()


def test_views_outlive_the_arena_the_writer_and_both_ends() -> None:
    """Results belong to whoever has them, whatever becomes of the worker."""
    ends = Ends()
    views = [ends.send(filled(n))[0] for n in range(3)]
    ends.close()
    del ends
    gc.collect()
    assert [view[0] for view in views] == [view[-1] for view in views] == [0, 1, 2]
    views[0][0] = 5


def test_when_the_writer_is_gone_only_what_is_held_takes_memory() -> None:
    """A small result that somebody keeps for hours must not keep all that a worker ever sent."""
    ends = Ends()
    views = [ends.send(filled(n))[0] for n in range(8)]
    fd = os.dup(ends.fd)
    del views[1:3], views[3:]
    ends.close()
    assert os.fstat(fd).st_blocks * 512 == 3 * MIB + HEAD
    assert [view[-1] for view in views] == [0, 3, 4]
    del views[0]
    assert os.fstat(fd).st_blocks * 512 <= 2 * MIB + HEAD
    assert [view[-1] for view in views] == [3, 4]
    os.close(fd)


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_arena_takes_no_memory_until_it_is_used(ends: Ends) -> None:
    """Gigabytes of addresses cost nothing."""
    assert ends.memory == 0


def test_trimming_gives_back_what_is_free_and_nothing_else(ends: Ends) -> None:
    """An idle worker is no burden."""
    kept = [ends.send(filled(n))[0] for n in range(4)]
    gone = [ends.send(filled(9, 2 * MIB))[0] for _ in range(2)]
    del gone
    assert ends.memory == 8 * MIB
    ends.arena.trim(2 * MIB)
    assert ends.memory == ends.arena.size == 6 * MIB
    ends.arena.trim()
    assert ends.memory == ends.arena.size == 4 * MIB
    assert [view[-1] for view in kept] == [0, 1, 2, 3]
    [view] = ends.send(filled(7, 4 * MIB))
    assert view[0] == view[-1] == 7


def test_sizes_that_are_not_wanted_any_more_make_room_for_those_that_are() -> None:
    """The budget is for what is used now, not for what was used first."""
    ends = Ends(8 * MIB)
    for nbytes in (MIB, 3 * MIB, 8 * MIB, MIB, 5 * MIB, 70_000):
        for n in range(20):
            [view] = ends.send(filled(n, nbytes))
            assert view[0] == view[-1] == n
            del view
        assert ends.memory <= 8 * MIB
    ends.close()


def test_a_lack_of_memory_is_no_room(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is met in a system call that says so, and not in a store that kills."""

    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(areas.os, "pwrite", full)
    assert ends.send(filled(1)) is None
    assert (ends.arena.size, ends.arena._lent) == (0, {})
    monkeypatch.undo()
    assert ends.send(filled(1)) is not None


@pytest.mark.parametrize("broken", ["memfd_create", "ftruncate", "pwrite"])
def test_where_there_is_no_such_memory_there_is_no_area(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then everything goes over the socket."""

    def refuse(*args: Any) -> int:
        raise OSError(errno.ENOMEM, "no")

    monkeypatch.setattr(areas.os, broken, refuse)
    assert create_area() is None


def test_where_there_are_no_addresses_there_is_no_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the address space is met when the area is mapped."""

    def refuse(*args: Any, **asked: Any) -> mmap.mmap:
        raise OSError(errno.ENOMEM, "no")

    monkeypatch.setattr(areas.mmap, "mmap", refuse)
    assert create_area() is None


def test_a_reader_without_addresses_reads_by_system_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer need not know."""
    area = create_area(16 * MIB)
    monkeypatch.setattr(areas, "mapped", lambda *_, **__: None)
    arena, leases = Arena(area), Leases(Area(os.dup(area.fd)))
    for n in range(40):
        place = arena.put([memoryview(filled(n)), memoryview(b"abc")])
        writable, readonly = leases.take(*place, [(MIB, False), (3, True)])
        assert (type(writable), writable[0], writable[-1], readonly) == (bytearray, n, n, b"abc")
    assert arena.size <= 2 * MIB
    arena.close()
    leases.close()


def test_the_table_may_be_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """More blocks than it has places are refused, and places are used again."""
    ends = Ends(16 * MIB)
    monkeypatch.setattr(arenas, "TABLE", 4)
    places = [ends.arena.put([memoryview(b"x" * 5000)]) for _ in range(6)]
    assert [place is not None for place in places] == [True] * 4 + [False] * 2
    ends.leases.give_back(places[2][0])
    assert ends.arena.put([memoryview(b"y" * 9000)]) is not None, "a free block gives its place to another size"
    ends.close()


def test_areas_whose_writers_are_gone_do_not_become_more_and_more() -> None:
    """Each that is looked into is mapped, and has a descriptor: from so many on what arrives is copied."""
    before = len(os.listdir("/proc/self/fd"))
    kept: list[Any] = []
    for n in range(3 * ENDED):
        ends = Ends()
        kept += ends.send(filled(n % 256))
        ends.close()
    assert len(os.listdir("/proc/self/fd")) <= before + ENDED
    assert [view[0] for view in kept] == [view[-1] for view in kept] == [n % 256 for n in range(3 * ENDED)]
    kept.clear()
    gc.collect()
    ends = Ends()
    [view] = ends.send(filled(1))
    assert len(ends.arena._lent) == 1, "there is room again"
    assert ends.leases.held == MIB
    del view
    ends.close()


# ── forks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def in_a_fork(body: Any) -> int:
    """The exit status of a forked copy of this process that calls *body*."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(int(body() or 0))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_copy_of_the_reader_gives_nothing_back(ends: Ends) -> None:
    """The block is its parent's."""
    views = [ends.send(filled(1))[0]]

    def drop() -> None:
        views.clear()
        gc.collect()

    assert in_a_fork(drop) == 0
    for n in range(2, 40):
        ends.send(filled(n))
    assert views[0][0] == views[0][-1] == 1


def test_what_was_held_at_a_fork_stays_as_it_was_in_both(ends: Ends) -> None:
    """Nobody knows how long the copy looks at it, so its block is never used again."""
    views = [ends.send(filled(1))[0]]
    ours, theirs = os.pipe()

    def look() -> bool:
        os.close(theirs)
        os.read(ours, 1)  # until the parent has let go and written more
        return views[0][0] != 1 or views[0][-1] != 1

    pid = os.fork()
    if pid == 0:
        try:
            os._exit(look())
        finally:
            os._exit(99)
    views.clear()
    for n in range(2, 40):
        ends.send(filled(n))
    ends.arena.trim()
    os.close(ours)
    os.close(theirs)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ends.leases.held == MIB


@pytest.mark.parametrize("over", [False, True])
def test_what_a_forked_copy_writes_into_what_was_held_is_its_own(over: bool) -> None:
    """As all of its memory: though the writer may be gone by then, and the block has neighbours."""
    ends = Ends()
    views = [ends.send(filled(n))[0] for n in range(3)]
    if over:
        ends.close()

    def write() -> bool:
        before = [view[0] for view in views] + [view[-1] for view in views]
        for view in views:
            memoryview(view)[:] = filled(99)
        return before != [0, 1, 2, 0, 1, 2] or {view[n] for view in views for n in (0, -1)} != {99}

    assert in_a_fork(write) == 0
    assert [view[0] for view in views] == [view[-1] for view in views] == [0, 1, 2]
    if not over:
        ends.close()


def test_a_forked_copy_that_closes_its_ends_takes_nothing_from_its_parent(ends: Ends) -> None:
    """It lets go of workers that are not its own."""
    [view] = ends.send(filled(1))
    ends.send(filled(2))
    assert in_a_fork(ends.close) == 0
    assert view[0] == view[-1] == 1
    assert ends.memory == 2 * MIB
    assert ends.send(filled(3)) is not None


# ── sizes and holes ───────────────────────────────────────────────────────────────────────────────────────────


def test_size_classes_waste_a_quarter_at_most() -> None:
    """And are few, so that blocks meet again who want them."""
    for nbytes in [*range(1, 3 * GRAIN, 97), *(2**n + d for n in range(14, 34) for d in (-1, 0, 1, 2 ** (n - 1)))]:
        size = size_class(nbytes)
        assert size >= nbytes
        assert size % GRAIN == 0
        assert size <= max(nbytes * 1.25 + 1, nbytes + GRAIN)
        assert size_class(size) == size


def test_holes_grow_together_again() -> None:
    """In whatever order they are given back."""
    for seed in range(50):
        ground = Ground(100, 1000)
        pieces = [(ground.cut(size), size) for size in (100, 300, 50, 550)]
        assert ground.cut(1) is None
        random.Random(seed).shuffle(pieces)
        for piece in pieces:
            ground.mend(*piece)
        assert ground._holes == [(100, 1000)]


# ── against a model ───────────────────────────────────────────────────────────────────────────────────────────


class Lending(RuleBasedStateMachine):
    """Anything that writer and reader may do, in any order, against what anybody would expect of it."""

    BUDGET = 256 * 1024

    def __init__(self) -> None:
        super().__init__()
        area = create_area(self.BUDGET)
        assert area is not None
        self.arena = Arena(area)
        self.table = self.arena._memory
        self.held: dict[int, tuple[int, bytes]] = {}  # by slot: where, and what is there
        self.number = 0

    @rule(size=st.sampled_from([1, 4096, 4097, 20_000, 40_000, 65_536, 100_000, 256 * 1024, 300_000]))
    def put(self, size: int) -> None:
        self.number = (self.number + 1) % 256
        data = bytes([self.number]) * size
        place = self.arena.put([memoryview(data)])
        lent = sum(size_class(layout([len(data)])[-1]) for _, data in self.held.values())
        if place is None:
            assert lent + size_class(layout([size])[-1]) > self.BUDGET, "there was room"
        else:
            slot, offset = place
            assert slot not in self.held
            self.held[slot] = offset, data

    @precondition(lambda self: self.held)
    @rule(choice=st.randoms(use_true_random=False))
    def give_back(self, choice: random.Random) -> None:
        slot = choice.choice(sorted(self.held))
        del self.held[slot]
        self.table[slot] = arenas.GIVEN_BACK

    @rule(keep=st.sampled_from([0, 50_000, 10**9]))
    def trim(self, keep: int) -> None:
        self.arena.trim(keep)
        assert self.arena.size <= keep + sum(size_class(layout([len(data)])[-1]) for _, data in self.held.values())

    @invariant()
    def what_is_held_is_whole(self) -> None:
        for offset, data in self.held.values():
            assert self.table[offset : offset + len(data)] == data

    @invariant()
    def blocks_and_holes_are_all_there_is(self) -> None:
        blocks = [*self.arena._lent.values(), *(block for free in self.arena._free.values() for block in free)]
        pieces = sorted([(block.offset, block.size) for block in blocks] + self.arena._ground._holes)
        at = HEAD
        for offset, size in pieces:
            assert offset == at
            at += size
        assert at == len(self.table)
        assert self.arena.size == sum(block.size for block in blocks) <= self.BUDGET
        assert len({block.slot for block in blocks}) == len(blocks)

    def teardown(self) -> None:
        self.arena.close()


TestLending = Lending.TestCase
TestLending.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_pickled_arrays_arrive_in_place(ends: Ends) -> None:
    """What all this is for."""
    array = np.arange(10**6, dtype=np.float64).reshape(1000, 1000)
    buffers: list[Any] = []
    stem = pickle.dumps(array.T, 5, buffer_callback=buffers.append)
    place = ends.arena.put([buffer.raw() for buffer in buffers])
    got = pickle.loads(stem, buffers=ends.leases.take(*place, [(array.nbytes, False)]))
    assert (got == array.T).all()
    assert got.flags.writeable
    assert ends.leases.held >= array.nbytes
