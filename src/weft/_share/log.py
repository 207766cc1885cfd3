"""What becomes of a dictionary, written one after the other into shared memory; every process replays it for itself.

A record counts as soon as the word that says where the log ends has moved beyond it: so whoever is killed in the midst
of writing has written nothing. When most of a log is of no use any more it is written anew further on, and one word
says which of two beginnings counts.
"""

from __future__ import annotations

import mmap
import os
import struct
from _pickle import Unpickler, UnpicklingError
from io import BytesIO
from typing import Any, Final, Self

from .._model.locks import RLock
from .._transport.area import write
from .._transport.codec import dumps, loads
from .._transport.passage import keeping
from .._transport.segment import Segment, create_segment

PAGE: Final = max(mmap.PAGESIZE, 4096)  # bytes; of the first one only the words are used
RECORD: Final = struct.Struct("<QQ")  # bytes of the key and of the value
GONE: Final = 2**64 - 1  # in place of the latter: the key is deleted

# A log is written anew when this much of it, and more than half, is of no use.
IDLE: Final = 256 * 1024  # bytes

# Words: which turn it is, and for even and odd turns where the log begins and ends.
_TURN: Final = 0
_BEGIN: Final = 8, 16
_END: Final = 9, 17

# Values that can't be changed, which whoever reads may have as they are: unpickled once.
_ATOMS: Final = frozenset({int, float, complex, str, bytes, bool, type(None)})
SMALL: Final = 4096  # bytes of such a value's pickle, at most
MANY: Final[Any] = object()  # in its place where everybody gets a copy of his own


class Log:
    """A log, and what it comes to, in one process.

    Args:
        segment: Its first page; the rest is read and written through the descriptor.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._words = memoryview(segment).cast("Q")
        self._reading = RLock()
        self._forget()

    @classmethod
    def new(cls) -> Self:
        """An empty one."""
        segment = create_segment(PAGE)
        words = memoryview(segment).cast("Q")
        words[_BEGIN[0]] = words[_END[0]] = PAGE
        return cls(segment)

    # ── for anybody ───────────────────────────────────────────────────────────────────────────────────────

    def read(self, key: object) -> Any:
        """The value.

        Raises:
            KeyError: There is none.
        """
        self._catch_up()
        value, packed = self._content[key]
        return loads(packed) if value is MANY else value

    def has(self, key: object) -> bool:
        """Whether there is a value."""
        self._catch_up()
        return key in self._content

    def keys(self) -> list[Any]:
        """All keys, in their order."""
        self._catch_up()
        with self._reading:
            return list(self._content)

    # ── with the dictionary's lock ────────────────────────────────────────────────────────────────────────

    def write(self, key: object, value: object) -> None:
        """This is the key's value from now on."""
        with keeping() as kept:
            packed = dumps(key), dumps(value)
        self._append(RECORD.pack(*map(len, packed)) + b"".join(packed))
        if kept:  # what lies in shared memory of its own is there as long as it stands here
            self._kept[key] = kept

    def delete(self, key: object) -> None:
        """The key has no value from now on.

        Raises:
            KeyError: It has none now.
        """
        if not self.has(key):
            raise KeyError(key)
        packed = dumps(key)
        self._append(RECORD.pack(len(packed), GONE) + packed)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _forget(self) -> None:
        self._turn = self._seen = -1
        self._content: dict[Any, tuple[Any, bytes]] = {}
        self._kept: dict[Any, list[Segment]] = {}  # by whoever has written it
        self._sizes: dict[Any, int] = {}  # of each key's record
        self._live = 0  # bytes of them all

    def _catch_up(self) -> None:
        words = self._words
        if words[_TURN] == self._turn and words[_END[self._turn % 2]] == self._seen:
            return
        with self._reading:
            while (turn := words[_TURN]) != self._turn or words[_END[turn % 2]] != self._seen:
                end = words[_END[turn % 2]]
                begin = self._seen if turn == self._turn else words[_BEGIN[turn % 2]]
                data = os.pread(self._segment.fd, end - begin, begin) if end > begin else b""
                if words[_TURN] != turn:  # it was written anew meanwhile, and this is gone
                    continue
                if turn != self._turn:
                    kept = self._kept
                    self._forget()
                    self._kept = kept
                self._replay(data)
                self._turn, self._seen = turn, end

    def _replay(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            begin = at
            key_size, size = RECORD.unpack_from(data, at)
            at += RECORD.size + key_size
            key = loads(data[at - key_size : at])
            self._kept.pop(key, None)
            self._live -= self._sizes.pop(key, 0)
            if size == GONE:
                self._content.pop(key, None)
                continue
            packed = data[at : at + size]
            at += size
            self._content[key] = (_atom(packed), packed)
            self._sizes[key] = at - begin
            self._live += at - begin

    def _append(self, record: bytes) -> None:
        self._catch_up()
        words, way = self._words, self._turn % 2
        write(self._segment.fd, memoryview(record), self._seen)
        words[_END[way]] = self._seen + len(record)
        self._catch_up()
        idle = self._seen - words[_BEGIN[way]] - self._live
        if idle > IDLE and idle > self._live:
            self._write_anew()

    def _write_anew(self) -> None:
        words, turn = self._words, self._turn
        begin = -(-self._seen // PAGE) * PAGE
        end = begin
        for key, (_, packed) in self._content.items():
            parts = dumps(key), packed
            record = RECORD.pack(*map(len, parts)) + b"".join(parts)
            write(self._segment.fd, memoryview(record), end)
            end += len(record)
        way = (turn + 1) % 2
        words[_BEGIN[way]], words[_END[way]] = begin, end
        words[_TURN] = turn + 1
        self._give_back(words[_BEGIN[turn % 2]] // PAGE * PAGE, begin)

    def _give_back(self, begin: int, end: int) -> None:
        """Let the system have the memory again that is of no use."""
        with mmap.mmap(self._segment.fd, end - begin, offset=begin) as idle:
            idle.madvise(mmap.MADV_REMOVE)

    def __reduce__(self) -> tuple[Any, ...]:
        return Log, (self._segment,)


def _atom(packed: bytes) -> Any:
    """The value itself, if it is small, can't be changed and takes nobody's code to unpickle; else ``MANY``."""
    if len(packed) > SMALL:
        return MANY
    try:
        value = _Plain(BytesIO(packed)).load()
    except UnpicklingError:
        return MANY
    return value if type(value) in _ATOMS else MANY


class _Plain(Unpickler):
    """Unpickles what has no class."""

    def find_class(self, module: str, name: str) -> Any:
        """No."""
        raise UnpicklingError
