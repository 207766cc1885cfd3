"""weft.Value: a number or a structure of C's that all workers see, with a lock."""

from __future__ import annotations

import ctypes
from types import TracebackType
from typing import Any, Final, Self

from .cells import Cell
from .lock import Lock, RLock

# By one letter, as the standard library's array and multiprocessing have them.
_LETTERS: Final[dict[str, type[Any]]] = {
    "c": ctypes.c_char, "u": ctypes.c_wchar, "b": ctypes.c_byte, "B": ctypes.c_ubyte, "h": ctypes.c_short,
    "H": ctypes.c_ushort, "i": ctypes.c_int, "I": ctypes.c_uint, "l": ctypes.c_long, "L": ctypes.c_ulong,
    "q": ctypes.c_longlong, "Q": ctypes.c_ulonglong, "f": ctypes.c_float, "d": ctypes.c_double,
}  # fmt: skip


class Value:
    """A number, or anything of ``ctypes``, in memory that all workers see; as ``multiprocessing.Value``.

    >>> best = Value("d", 0.5)
    >>> with best:
    ...     best.value = max(best.value, 0.75)
    >>> best.value
    0.75

    Args:
        typecode_or_type: A letter as of the module ``array``, or a type of ``ctypes``.
        *args: What the type is called with.
        lock: Whether it has a :class:`weft.RLock`, or one to use.

    It is an ordinary argument for workers of every kind. Every single reading and writing takes the lock; what is
    more than one of them needs ``with``: ``value.value += 1`` alone is two. The fields of a structure are attributes.
    To count, :class:`weft.Counter` is simpler, and costs less.

    Raises:
        TypeError: There is no such type, or the arguments don't suit it.
    """

    def __new__(cls, typecode_or_type: str | type[Any] = "", *args: Any, lock: bool | Lock | RLock = True) -> Self:
        """As of any class; what has fields has them as attributes."""
        structured = isinstance(typecode_or_type, type) and hasattr(typecode_or_type, "_fields_")
        return object.__new__(_Structure if structured else cls)  # type: ignore[return-value]

    def __init__(self, typecode_or_type: str | type[Any], *args: Any, lock: bool | Lock | RLock = True) -> None:
        kind = _LETTERS.get(typecode_or_type) if isinstance(typecode_or_type, str) else typecode_or_type
        if kind is None:
            raise TypeError(f"there is no type {typecode_or_type!r}; there are: {' '.join(_LETTERS)}")
        if not isinstance(kind, type):
            raise TypeError(f"the first argument must be a letter, such as 'i', or a type of ctypes, not {kind!r}")
        cell = Cell.new(ctypes.sizeof(kind))
        self._begin(cell, kind, RLock() if lock is True else lock or None)
        self._object.__init__(*args)

    def _begin(self, cell: Cell, kind: Any, lock: Lock | RLock | None) -> None:
        self._cell, self._type, self._lock = cell, kind, lock
        self._object: Any = kind.from_buffer(cell.sheet.segment, cell.at)

    @property
    def value(self) -> Any:
        """What it is; for types that have one value."""
        if self._lock is None:
            return self._object.value
        with self._lock:
            return self._object.value

    @value.setter
    def value(self, value: Any) -> None:
        if self._lock is None:
            self._object.value = value
            return
        with self._lock:
            self._object.value = value

    def get_lock(self) -> Lock | RLock:
        """Its lock.

        Raises:
            AttributeError: It has none.
        """
        if self._lock is None:
            raise AttributeError("this value was made with lock=False")
        return self._lock

    def get_obj(self) -> Any:
        """The object of ``ctypes`` itself, without the lock."""
        return self._object

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take its lock."""
        return self.get_lock().acquire(block, timeout)

    def release(self) -> None:
        """Let its lock go."""
        self.get_lock().release()

    def __enter__(self) -> bool:
        return self.get_lock().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.get_lock().__exit__(kind, error, frames)

    def __reduce__(self) -> tuple[Any, ...]:
        return _value, (self._cell, self._type, self._lock)

    def __repr__(self) -> str:
        return f"<weft.Value {self._object!r}>"


class _Structure(Value):
    """One with fields."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or self._lock is None:
            return getattr(self.__dict__["_object"], name)
        with self._lock:
            return getattr(self._object, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        if not hasattr(self._type, name):
            raise AttributeError(f"a {self._type.__name__} has no {name}")
        if self._lock is None:
            setattr(self._object, name, value)
            return
        with self._lock:
            setattr(self._object, name, value)


def _value(cell: Cell, kind: Any, lock: Lock | RLock | None) -> Value:
    made = Value.__new__(Value, kind)
    made._begin(cell, kind, lock)  # noqa: SLF001  it is made so
    return made
