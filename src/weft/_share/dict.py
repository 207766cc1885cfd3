"""weft.Dict: a dictionary that all workers see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

from .lock import RLock
from .log import Log

K = TypeVar("K")
V = TypeVar("V")

_MISSING: Any = object()


class Dict(MutableMapping[K, V]):
    """A dictionary in shared memory, with the methods of any and in the order of any.

    >>> settings = Dict(colour="blue", width=3)
    >>> settings["width"]
    3

    Args:
        *content: A mapping, or pairs, as ``dict`` takes them.
        **named: More of it.

    It is an ordinary argument for workers of every kind, and takes the place of ``multiprocessing.Manager().dict()``
    without a process that looks after it. Every process has a copy, which it brings up to date when something has
    changed: so reading costs about a microsecond, and writing some tens of them. A process that is killed while it
    writes has either written or not.

    Keys and values must be such as can be pickled. What is read is a copy: to change it, assign it again. Each method
    is one step; what needs several, such as ``d[k] += 1``, needs ``with d.get_lock():`` around it. Shared things that
    are put into it (arrays, locks) stay there as long as the process lives that has put them.
    """

    def __init__(self, *content: Mapping[K, V] | Iterable[tuple[K, V]], **named: V) -> None:
        self._begin(RLock(), Log.new())
        self.update(*content, **named)

    def _begin(self, lock: RLock, log: Log) -> None:
        self._lock, self._log = lock, log

    def get_lock(self) -> RLock:
        """Its lock, for what needs several steps."""
        return self._lock

    def __getitem__(self, key: K) -> V:
        return self._log.read(key)  # type: ignore[no-any-return]

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self._log.write(key, value)

    def __delitem__(self, key: K) -> None:
        with self._lock:
            self._log.delete(key)

    def __contains__(self, key: object) -> bool:
        return self._log.has(key)

    def __iter__(self) -> Iterator[K]:
        return iter(self._log.keys())

    def __len__(self) -> int:
        return len(self._log.keys())

    def pop(self, key: K, default: Any = _MISSING) -> Any:
        """As of any dictionary, in one step."""
        with self._lock:
            if default is _MISSING:
                return super().pop(key)
            return super().pop(key, default)

    def popitem(self) -> tuple[K, V]:
        """As of any dictionary, in one step: the last one."""
        with self._lock:
            keys: list[K] = self._log.keys()
            if not keys:
                raise KeyError("popitem(): dictionary is empty")
            return keys[-1], self.pop(keys[-1])

    def setdefault(self, key: K, default: Any = None) -> Any:
        """As of any dictionary, in one step."""
        with self._lock:
            return super().setdefault(key, default)

    def update(self, *content: Any, **named: Any) -> None:
        """As of any dictionary, in one step."""
        with self._lock:
            super().update(*content, **named)

    def clear(self) -> None:
        """As of any dictionary, in one step."""
        with self._lock:
            for key in list(self):
                self._log.delete(key)

    def copy(self) -> dict[K, V]:
        """An ordinary one with the same content, as it is at one moment."""
        with self._lock:
            return dict(self.items())

    def __reduce__(self) -> tuple[Any, ...]:
        return _dict, (self._lock, self._log)

    def __repr__(self) -> str:
        return f"weft.Dict({self.copy()!r})"


def _dict(lock: RLock, log: Log) -> Dict[Any, Any]:
    made: Dict[Any, Any] = Dict.__new__(Dict)
    made._begin(lock, log)  # noqa: SLF001  it is made so
    return made
