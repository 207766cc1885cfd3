"""Every error weft raises of its own.

The tree of them::

    WeftError
    ├── OptionError (TypeError or ValueError besides)   something asked for makes no sense
    │   ├── UnknownOption (TypeError)                   a keyword that does not exist
    │   └── BadOption (ValueError)                      a keyword whose value can't be
    ├── KindUnavailable (RuntimeError)                  a kind of worker that this machine does not offer
    ├── MissingPackage (ImportError)                    an optional package is needed and not installed
    ├── LimitReached (OSError)                          the system allows no more open files, processes, memory
    ├── NotSendable (pickle.PicklingError)              a value can't travel to another process
    ├── TaskTimeout (TimeoutError)                      one item took longer than `timeout`
    ├── ChannelBroken (ConnectionError)                 a channel whose maker is gone
    ├── ItemLost                                        an item of a channel that went with a process that died
    ├── InitializerFailed (BrokenExecutor)              the initializer of an executor raised
    └── WorkerDied (concurrent.futures.BrokenExecutor)  a worker died with an item in its hands
        └── MemoryExceeded                              it was ended, as it needed more than `memory_limit`

    WorkerTraceback                                     the cause of an error that a worker raised
    ShutDown                                            a channel that has been shut down; queue.ShutDown since 3.13

WorkerDied and InitializerFailed are a BrokenProcessPool, and the second a BrokenThreadPool, where these were imported.
From Python 3.14 on an executor of interpreters raises NotSendable and InitializerFailed as subclasses, in
`weft.errors.interpreters`, that are the standard library's NotShareableError and BrokenInterpreterPool as well.

What a user's own function raises arrives as itself, never wrapped in one of these.
"""

from __future__ import annotations

from _pickle import PicklingError
from collections.abc import Iterable
from errno import errorcode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .died import InitializerFailed as InitializerFailed
    from .died import MemoryExceeded as MemoryExceeded
    from .died import WorkerDied as WorkerDied
    from .shutdown import ShutDown as ShutDown

__all__ = [
    "BadOption",
    "ChannelBroken",
    "InitializerFailed",
    "ItemLost",
    "KindUnavailable",
    "LimitReached",
    "MemoryExceeded",
    "MissingPackage",
    "NotSendable",
    "OptionError",
    "ShutDown",
    "TaskTimeout",
    "UnknownOption",
    "WeftError",
    "WorkerDied",
    "WorkerTraceback",
]


class WeftError(Exception):
    """The base of all errors that are weft's own."""


class OptionError(WeftError):
    """Something that was asked for makes no sense; nothing has been run."""


class UnknownOption(OptionError, TypeError):
    """A keyword that no weft function takes.

    Args:
        name: The keyword as it was written.
        meant: The keyword that was probably meant, if one is near.
        known: All keywords there are.
    """

    def __init__(self, name: str, meant: str | None, known: Iterable[str]) -> None:
        hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(sorted(known))}"
        super().__init__(f"unknown keyword {name!r}: {hint}")
        self.name, self.meant, self.known = name, meant, tuple(known)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.name, self.meant, self.known)


class BadOption(OptionError, ValueError):
    """A keyword whose value can't be.

    Args:
        name: The keyword.
        value: What was given.
        wanted: What would have been right, as the end of the sentence "… must be".
    """

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(f"{name} must be {wanted}, not {value!r}")
        self.name, self.value, self.wanted = name, value, wanted

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.name, self.value, self.wanted)


class KindUnavailable(WeftError, RuntimeError):
    """A kind of worker that this machine or this interpreter does not offer."""


# Loaded with the rest: where there is no open file left, nothing can be imported any more.
class LimitReached(WeftError, OSError):
    """The system allows no more of what weft needs: open files, processes, memory, or the size of a file.

    Its ``errno`` is the system's.

    Args:
        number: That.
        said: What there is too little of, what for, and what to do.
    """

    def __init__(self, number: int, said: str) -> None:
        super().__init__(number, said)

    def __str__(self) -> str:
        return str(self.strerror)


def check_limits(error: BaseException, what: str) -> None:
    """Return if *error*, which has come of making *what*, is of any other kind.

    Raises:
        LimitReached: It says that the system allows no more of something.
    """
    if not isinstance(error, OSError) or isinstance(error, LimitReached):
        return
    name = errorcode.get(error.errno or 0)
    if name not in _REACHED:
        return
    most = _limit(name)
    unit = " bytes" if name == "EFBIG" else ""
    said = _REACHED[name].format(what=what, most=f" ({most:,}{unit})" if most else "")
    raise LimitReached(error.errno or 0, said) from error


_REACHED: dict[str, str] = {
    "EMFILE": "no open file is left for {what}: this process has as many as it may have{most}. Raise that "
    "(ulimit -n 4096), or close what is not needed any more",
    "ENFILE": "no open file is left for {what} on this machine: all processes together have as many as the system "
    "allows. Raise that (sysctl fs.file-max), or end some of them",
    "EFBIG": "{what} would be larger than a file of this process may be{most}, and memory without a name counts as "
    "a file. Raise that (ulimit -f unlimited)",
    "EAGAIN": "no process is left for {what}: there are as many as this user, or this container, may have{most}. Raise "
    "that (ulimit -u, or the container's pids.max), or end some of them",
    "ENOMEM": "no memory is left for {what}. Make room: end what is not needed any more, or raise the limit of this "
    "container or process (ulimit -v)",
    "ENOSPC": "no room is left for {what} where the system keeps shared memory. Make room there (df -h /dev/shm), or "
    "raise its size",
}


def _limit(name: str) -> int:
    """The limit in force, 0 if it can't be told just now."""
    try:
        if name == "EMFILE":
            from os import sysconf  # the resource module is a file, and none can be opened

            return sysconf("SC_OPEN_MAX")
        import resource

        of = {"EFBIG": resource.RLIMIT_FSIZE, "EAGAIN": resource.RLIMIT_NPROC}.get(name)
        return 0 if of is None else max(0, resource.getrlimit(of)[0])
    except (ImportError, OSError, ValueError):
        return 0


class MissingPackage(WeftError, ImportError):
    """An optional package is needed and not installed.

    Args:
        what: The feature that needs it.
        package: The package that is missing.
        extra: The extra of weft that brings it.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}: pip install 'weft[{extra}]'")
        self.what, self.package, self.extra = what, package, extra

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.package, self.extra)


class NotSendable(WeftError, PicklingError):
    """A value can't be sent to, or back from, a worker that does not share memory.

    Args:
        what: What was being sent, such as ``"function f"`` or ``"result of item 3"``.
        path: The way from it to the culprit, such as ``".session.lock"``; empty for the value itself.
        culprit: The type of the part that can't travel.
        why: What pickling it said.
    """

    def __init__(self, what: str, path: str, culprit: str, why: str) -> None:
        where = f"its {path} is a {culprit}, which" if path else f"it is a {culprit}, which" if culprit else "it"
        super().__init__(
            f"{what} can't be sent to another process: {where} can't be pickled ({why}). "
            "Create it inside the function instead of outside, or use on='thread', where nothing is sent."
        )
        self.what, self.path, self.culprit, self.why = what, path, culprit, why

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.path, self.culprit, self.why)


class ChannelBroken(WeftError, ConnectionError):
    """A channel, or a pipe, can't be used here any more: the process that made it is gone, or has let go of it."""


class ItemLost(WeftError):
    """Items of a channel went with processes that died."""


class TaskTimeout(WeftError, TimeoutError):
    """One item took longer than ``timeout`` seconds.

    Args:
        index: The position of the item in the input.
        timeout: The limit, in seconds.
        stopped: Whether its worker could be stopped; a thread or a foreign executor's task can't.
        stack: Where it hung, as text, if that is known; shown as the error's cause.
        worker: The name of the worker.
    """

    def __init__(self, index: int, timeout: float, *, stopped: bool = True, stack: str = "", worker: str = "") -> None:
        fate = "" if stopped else "; it could not be stopped there and its result is dropped"
        super().__init__(f"item {index} took longer than timeout={timeout:g} s{fate}")
        self.index, self.timeout, self.stopped, self.stack, self.worker = index, timeout, stopped, stack, worker
        if stack:
            self.__cause__ = WorkerTraceback(worker, stack)

    def __reduce__(self) -> tuple[object, ...]:
        return _timed_out, (self.index, self.timeout, self.stopped, self.stack, self.worker)


def _timed_out(index: int, timeout: float, stopped: bool, stack: str, worker: str) -> TaskTimeout:  # noqa: FBT001
    return TaskTimeout(index, timeout, stopped=stopped, stack=stack, worker=worker)


class WorkerTraceback(Exception):
    """Where in the worker an error was raised: the cause of that error where it arrives.

    Raised by a worker of this process it carries the very frames (``__traceback__``); by another process,
    their text.
    """

    def __init__(self, worker: str, text: str = "") -> None:
        super().__init__(worker, text)
        self.worker, self.text = worker, text

    def __str__(self) -> str:
        return f"in {self.worker}" + (f"\n{self.text.rstrip()}" if self.text else "")


def __getattr__(name: str) -> object:
    """Load what has to import the standard library's pools when it is first used (PEP 562)."""
    if name not in {"InitializerFailed", "MemoryExceeded", "ShutDown", "WorkerDied"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "ShutDown":
        from . import shutdown as room
    else:
        from . import died as room  # type: ignore[no-redef]

    error: object = getattr(room, name)
    return error
