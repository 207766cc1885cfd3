"""weft.Actor: an object that lives on a worker, and is called from everywhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from types import TracebackType
from typing import Any, Final, Generic, Literal, Self, TypeVar
from weakref import finalize

from .._actors import InCaller, InLoop, InProcess, InThread, Maker, remote
from ..errors import BadOption

T = TypeVar("T")

_HERE: Final[dict[str, Callable[[Maker], Any]]] = {"thread": InThread, "async": InLoop, "serial": InCaller}
_KINDS: Final = ("process", *_HERE)
_NUMBERS: Final = count(1)


class Actor(Generic[T]):
    """An object with a worker of its own: its methods are called one after the other, from wherever that may be.

    >>> with Actor(list, on="thread") as names:
    ...     done = names.append("Ada")
    ...     names.copy().result()
    ['Ada']

    Each method gives a ``concurrent.futures.Future``, which can be awaited as well. The calls of one caller are done
    in the order in which they were made, and never two at the same time: the object needs no lock. Methods that are
    ``async`` are awaited. The actor is an ordinary argument for workers of every kind, whatever started them.

    Args:
        make: The class, or anything that makes the object when it is called there.
        *args: What it is called with.
        on: ``"process"``: a process of its own. ``"thread"``: a thread of this one; callers of this process hand over
            arguments as they are. ``"async"``: the event loop that runs where it is made, or else weft's own, in a
            thread; its methods, and what makes it, may be ``async``, and must not block. ``"serial"``: no worker at
            all, each call is done at once, for tests.
        restarts: How often an actor whose process has died is made anew, from the same arguments. The calls that it
            had been sent fail with :class:`weft.WorkerDied`; later ones reach the new one, which has forgotten
            everything.
        start_method: How the process is started; see :func:`weft.map`.
        name: What to call the worker.
        **kwargs: More of what it is called with.

    It lives until it is closed (at the end of ``with`` or ``async with``, by :meth:`close`, or when whoever made it
    drops it or ends); whatever it was sent until then is done. If making it fails, every call fails with that error.
    One whose event loop ends first fails its calls with :class:`weft.WorkerDied`.

    Raises:
        BadOption: There is no such kind, or no such number.

    A call costs about as much as a round trip through a pipe; arrays travel by shared memory. Don't wait inside a
    method for another call of the same actor: it would wait for ever.
    """

    def __init__(
        self,
        make: Callable[..., T],
        /,
        *args: Any,
        on: Literal["process", "thread", "async", "serial"] = "process",
        restarts: int = 0,
        start_method: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not callable(make):
            raise TypeError(f"the first argument must be a class, or something else to call, not {make!r}")
        if on not in _KINDS:
            raise BadOption("on", on, " or ".join(map(repr, _KINDS)))
        if restarts < 0 or restarts != int(restarts):
            raise BadOption("restarts", restarts, "a whole number, at least 0")
        title = f"{getattr(make, '__name__', 'actor')}-{next(_NUMBERS)}" if name is None else name
        maker = Maker(make, args, kwargs, title)
        known = isinstance(make, type) and not hasattr(make, "__getattr__")
        if on == "process":
            actor: Any = InProcess(maker, restarts, start_method)
        else:
            actor = _HERE[on](maker)
        dropped = finalize(self, actor.close)
        dropped.atexit = False
        self._begin(actor, title, frozenset(dir(make)) if known else None, dropped)

    def _begin(self, actor: Any, name: str, names: frozenset[str] | None, dropped: Any = None) -> None:
        self._actor, self._name, self._names, self._dropped = actor, name, names, dropped
        self._pid = os.getpid()

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a method called by its name; the same as calling it, whatever the name.

        Raises:
            RuntimeError: The actor has been closed.
        """
        if self._pid != os.getpid():  # a copy, by a fork
            if self._actor.address is None:
                raise TypeError(_STAYS)
            self._actor, self._pid = remote(self._actor.address, self._name), os.getpid()
        return self._actor.call(method, args, kwargs)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End it when it has done what it was sent; waits for that. For whoever has made it; others just let go.

        In the event loop that the actor lives in there is no waiting: use :meth:`aclose`, or ``async with``.
        """
        if self._pid == os.getpid() and self._dropped is not None:
            self._dropped()

    async def aclose(self) -> None:
        """As :meth:`close`, for coroutines; others of the same event loop go on meanwhile, and so does the actor."""
        from asyncio import to_thread

        await to_thread(self.close)

    def kill(self) -> None:
        """End it at once: what it was sent and has not done fails. A thread can't be stopped: it is waited for."""
        if self._pid == os.getpid() and self._dropped is not None and self._dropped.detach():
            self._actor.kill()

    def __getattr__(self, name: str) -> Callable[..., Future[Any]]:
        names = self.__dict__.get("_names", frozenset())
        if name.startswith("__") or (names is not None and name not in names):
            raise AttributeError(f"{self.__dict__.get('_name', 'the actor')} has no method {name!r}")

        def method(*args: Any, **kwargs: Any) -> Future[Any]:
            return self.call(name, *args, **kwargs)

        method.__name__ = name
        return method

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._abandon()
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        from asyncio import CancelledError

        if isinstance(error, KeyboardInterrupt | CancelledError):  # Ctrl-C arrives in coroutines as the second
            self._abandon()
        await self.aclose()

    def _abandon(self) -> None:
        if self._pid == os.getpid() and self._dropped is not None and self._dropped.detach():
            self._actor.abandon()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._actor.address is None:
            raise TypeError(_STAYS)
        return _actor, (self._actor.address, self._name, self._names)

    def __repr__(self) -> str:
        return f"<weft.Actor {self._name}>"


_STAYS: Final = "an actor with on='serial' stays where it was made: nobody else could call it"


def _actor(address: str, name: str, names: frozenset[str] | None) -> Actor[Any]:
    made: Actor[Any] = Actor.__new__(Actor)
    made._begin(remote(address, name), name, names)  # noqa: SLF001  it is made so
    return made
