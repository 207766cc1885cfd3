"""What was learned of functions, from run to run: a table of a fixed size in one file. A prior, to be checked.

A record holds figures and a hash of what they are about, nothing of the user's. It is found where its hash says, in one
of a few neighbouring places, read and written in one piece and closed by a checksum: so there is no lock, no
process can spoil what another has written, and what is torn or is not ours reads as nothing. Whatever goes wrong
(no such folder, no right to write, no space) means that nothing is remembered, and never more than that.
"""

from __future__ import annotations

import os
from contextlib import suppress
from time import time
from zlib import crc32

from .._model.noun import dataclass, replace
from .past import VARIABLE, is_off

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

# Another layout of the records is another file.
VERSION: Final = 1

KINDS: Final = ("serial", "thread", "process", "async", "interpreter")
KEY: Final = 16  # bytes
RECORD: Final = 64  # bytes
NEIGHBOURS: Final = 8  # places that a record may be in
PLACES: Final = 2048
SIZE: Final = RECORD * PLACES  # 128 KiB

# key, seconds since 1970, kind, kinds that did not help, workers, threads, runs, items; seconds an item, share, held,
# native, rate
_LAYOUT: Final = "<16sIBBHHxxII5f"
_WRITING: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a run has measured of a function.

    Attributes:
        kind: The kind of worker that did best.
        workers: How many there were at the end.
        cost: Seconds that one item takes in the caller.
        share: How much of that it computes, 0 to 1.
        held: In how much of it the function holds the GIL, 0 to 1.
        native: How many processors other threads kept busy meanwhile.
        rate: Items a second with that kind and number; 0 if nobody was sure.
        threads: How many items each worker ran at once.
        items: How many the run had.
        lost: Kinds that were tried and did not help.
        runs: How many runs agreed on the kind, one after the other.
        age: Seconds since it was written.
    """

    kind: str
    workers: int
    cost: float
    share: float = 1.0
    held: float = 0.0
    native: float = 0.0
    rate: float = 0.0
    threads: int = 1
    items: int = 0
    lost: frozenset[str] = frozenset()
    runs: int = 1
    age: float = 0.0


class Memory:
    """The table in a file.

    Args:
        folder: The folder it is in; ``None`` to remember nothing.
    """

    def __init__(self, folder: str | None) -> None:
        self.path = None if folder is None else f"{folder}/auto-{VERSION}.table"

    @classmethod
    def here(cls) -> Memory:
        """Where the environment says: ``WEFT_CACHE``, else ``weft`` in the user's folder for caches. Not on Windows."""
        said = os.environ.get(VARIABLE, "")
        if is_off() or not hasattr(os, "pwrite"):
            return cls(None)
        if said:
            return cls(said)
        home = os.environ.get("XDG_CACHE_HOME", "")
        home = home if home.startswith("/") else os.path.expanduser("~/.cache")  # noqa: PTH111  a string is cheaper
        return cls(f"{home}/weft" if home.startswith("/") else None)

    def recall(self, key: bytes) -> Learned | None:
        """What is known under the key; ``None`` if nothing is."""
        for data in self._neighbours(key):
            if data[:KEY] == key:
                return _read(data)
        return None

    def note(self, key: bytes, learned: Learned) -> None:
        """Remember it under the key, in the place of what is oldest where there is no other."""
        before = list(self._neighbours(key))
        if self.path is None:
            return
        place = next((at for at, data in enumerate(before) if data[:KEY] == key), None)
        if place is None:
            place = min(range(NEIGHBOURS), key=lambda at: _written(before[at]) if at < len(before) else 0)
        else:
            known = _read(before[place])
            learned = replace(learned, runs=1 if known is None or known.kind != learned.kind else known.runs + 1)
        self._write(_first(key) + place, _packed(key, learned))

    def clear(self) -> None:
        """Forget everything."""
        if self.path is not None:
            with suppress(OSError, ValueError):
                os.unlink(self.path)  # noqa: PTH108

    def _neighbours(self, key: bytes) -> Iterator[bytes]:
        if self.path is None:
            return
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                found = os.pread(descriptor, RECORD * NEIGHBOURS, RECORD * _first(key))
            finally:
                os.close(descriptor)
        except (OSError, ValueError):  # a path with a null byte is a ValueError
            return
        for start in range(0, len(found) - RECORD + 1, RECORD):
            data = found[start : start + RECORD]
            yield data if _is_whole(data) else bytes(RECORD)

    def _write(self, place: int, data: bytes) -> None:
        assert self.path is not None
        try:
            try:
                descriptor = os.open(self.path, _WRITING, 0o600)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)  # noqa: PTH103, PTH120
                descriptor = os.open(self.path, _WRITING, 0o600)
            try:
                os.pwrite(descriptor, data, RECORD * place)
            finally:
                os.close(descriptor)
        except (OSError, ValueError):
            return


def _first(key: bytes) -> int:
    """The first of the places where the key's record may be."""
    return int.from_bytes(key[:4], "little") % (PLACES // NEIGHBOURS) * NEIGHBOURS


def _packed(key: bytes, learned: Learned) -> bytes:
    from _struct import pack

    kind = KINDS.index(learned.kind) if learned.kind in KINDS else 0
    lost = sum(1 << place for place, name in enumerate(KINDS) if name in learned.lost)
    counts = [min(max(0, count), 0xFFFF) for count in (learned.workers, learned.threads)]
    counts += [min(max(0, count), 0xFFFFFFFF) for count in (learned.runs, learned.items)]
    figures = (learned.cost, learned.share, learned.held, learned.native, learned.rate)
    data = pack(_LAYOUT, key, int(time()), kind, lost, *counts, *(min(max(0.0, each), 3e38) for each in figures))
    data = data.ljust(RECORD - 4, b"\0")
    return data + crc32(data, VERSION).to_bytes(4, "little")


def _read(data: bytes) -> Learned | None:
    from _struct import unpack_from

    _, written, kind, lost, workers, threads, runs, items, *figures = unpack_from(_LAYOUT, data)
    if kind >= len(KINDS):
        return None
    cost, share, held, native, rate = figures
    named = frozenset(name for place, name in enumerate(KINDS) if lost >> place & 1)
    age = max(0.0, time() - written)
    return Learned(KINDS[kind], workers, cost, share, held, native, rate, threads, items, named, runs, age)


def _is_whole(data: bytes) -> bool:
    """Whether it is a record, and all of it."""
    return crc32(data[:-4], VERSION).to_bytes(4, "little") == data[-4:]


def _written(data: bytes) -> int:
    return int.from_bytes(data[KEY : KEY + 4], "little")
