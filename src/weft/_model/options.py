"""What is asked: every option of every pattern, declared once and checked once."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar

from ..errors import BadOption, KindUnavailable, UnknownOption
from .noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from typing import Any, Final

    from .asked import HasStartMethod
    from .event import Event
    from .plan import Needs

KIND_NAMES: Final = ("auto", "serial", "thread", "process", "interpreter", "async", "ray")
AUTO: Final = frozenset(KIND_NAMES) - {"auto", "interpreter", "ray"}  # what "auto" may choose from
ON_ERROR: Final = ("raise", "keep", "skip")
FOR_RAY: Final = ("num_cpus", "num_gpus", "resources", "runtime_env")
START_METHODS: Final = ("forkserver", "fork", "spawn")

# Elsewhere than on Linux, system libraries do not bear being forked, by whomever.
DEFAULT_START: Final = "forkserver" if sys.platform == "linux" else "spawn"


# Since then the standard library has other interpreters of a process, and all that weft needs of itself loads there.
INTERPRETERS_SINCE: Final = 0x030E0000  # 3.14

_RELATIVE: Final = r"\s*(\d+(?:\.\d+)?)\s*[x×*]\s*median\s*"

_SIZE: Final = r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?b|[kmgt]|b)\s*"
_UNITS: Final[Mapping[str, int]] = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
    **{letter: 1024**power for power, letter in enumerate("kmgt", 1)},
}

# What the same thing is called elsewhere: joblib, mpire, multiprocessing, Ray, aiohttp recipes.
ELSEWHERE: Final[Mapping[str, str]] = {
    "n_jobs": "max_workers",
    "jobs": "max_workers",
    "workers": "max_workers",
    "processes": "max_workers",
    "threads": "max_workers",
    "concurrency": "max_workers",
    "limit": "max_workers",
    "backend": "on",
    "kind": "on",
    "executor": "on",
    "errors": "on_error",
    "return_exceptions": "on_error",
    "batch_size": "chunksize",
    "chunk": "chunksize",
    "prefetch": "buffersize",
    "random_state": "seed",
    "maxtasksperchild": "max_tasks_per_child",
    "worker_lifespan": "max_tasks_per_child",
    "max_memory": "memory_limit",
    "context": "mp_context",
    "context_vars": "contextvars",
}


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """What was asked, checked; the defaults are here and nowhere else."""

    on: str | tuple[str, ...] | list[str] | Executor = "auto"
    max_workers: int | None = None
    ordered: bool = True
    timeout: float | str | None = None
    retries: int = 0
    on_error: str = "raise"
    rate: float | None = None
    chunksize: int | None = None
    buffersize: int | None = None
    seed: int | None = None
    contextvars: Sequence[ContextVar[Any]] = ()
    progress: bool | Callable[[Event], object] | None = None
    start_method: str | None = None
    mp_context: HasStartMethod | None = None
    memory_limit: int | str | None = None
    max_tasks_per_child: int | None = None
    num_cpus: float | None = None
    num_gpus: float | None = None
    resources: Mapping[str, float] | None = None
    runtime_env: Mapping[str, Any] | None = None
    name: str | None = None

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Options:
        """Check *asked* and fill in what was not.

        Raises:
            UnknownOption: A keyword does not exist (a ``TypeError``); it names the one that was probably meant.
            BadOption: A value can't be (a ``ValueError``).
        """
        known = set(cls.__slots__)
        for name in asked:
            if name not in known:
                raise UnknownOption(name, _nearest(name, known), known)
        options = cls(**{name: plain(value) if name in _NUMBERS else value for name, value in asked.items()})
        for name in _CHECKS:
            check(name, getattr(options, name))
        options.refuse_what_is_for_processes()
        options.refuse_what_is_for_ray()
        return options

    @property
    def started_by(self) -> str | None:
        """The start method that was asked for, by name or by context."""
        return self.start_method if self.mp_context is None else self.mp_context.get_start_method()

    @property
    def needs(self) -> Needs:
        """What each worker takes of a cluster."""
        from .plan import Needs

        return Needs(None, self.num_cpus, self.num_gpus, self.resources, self.runtime_env)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that may be chosen; empty where an executor was given."""
        if isinstance(self.on, str):
            return AUTO if self.on == "auto" else frozenset({self.on})
        return frozenset(self.on) if isinstance(self.on, tuple | list) else frozenset()

    @property
    def needs_processes(self) -> bool:
        """Whether something was asked for that only processes can keep."""
        return any(value is not None for value in (self.timeout, self.memory_limit, self.max_tasks_per_child))

    def refuse_what_is_for_processes(self) -> None:
        """Some options are for kinds that start processes, and the start method is said once.

        Raises:
            BadOption: It is otherwise.
        """
        for name in ("start_method", "mp_context", "memory_limit", "max_tasks_per_child"):
            value = getattr(self, name)
            if value is not None and "process" not in self.kinds:
                raise BadOption(name, value, f"left out, as on={self.on!r} starts no processes")
        if self.start_method is not None and self.mp_context is not None:
            raise BadOption("mp_context", self.mp_context, "left out where start_method is given")

    def refuse_what_is_for_ray(self) -> None:
        """Some options are for a cluster's workers.

        Raises:
            BadOption: It is otherwise.
        """
        for name in FOR_RAY:
            value = getattr(self, name)
            if value is not None and self.on != "ray":
                where = "as the executor has its own" if self.kinds == frozenset() else f"as on={self.on!r} is not Ray"
                raise BadOption(name, value, f"left out, {where}")


def check(name: str, value: object) -> None:
    """Check the *value* of one option that is asked for somewhere else.

    Raises:
        BadOption: It can't be.
    """
    _CHECKS[name](name, value)


def require_interpreters(what: str, instead: str) -> None:
    """See to it that *what* there is of interpreters can be had.

    Raises:
        KindUnavailable: It can't; then it says what to use *instead*.
    """
    if sys.hexversion < INTERPRETERS_SINCE:
        version = ".".join(map(str, sys.version_info[:2]))
        raise KindUnavailable(f"{what} needs Python 3.14, and this is {version}; use {instead}, which shares as little")


def medians(timeout: float | str | None) -> float | None:
    """The factor of a *timeout* like ``"5x median"``; ``None`` for one in seconds, or none."""
    if not isinstance(timeout, str):
        return None
    import re

    match = re.fullmatch(_RELATIVE, timeout)
    return float(match[1]) if match else None


_PLAIN: Final = frozenset({int, float, bool, str, type(None)})


def plain(value: Any) -> Any:
    """A number of somebody else's, as NumPy's, as Python's own: what is reckoned with one of few bits overflows."""
    if type(value) not in _PLAIN:
        for kind, convert in (("__index__", operator.index), ("__float__", float)):
            if hasattr(value, kind):
                with suppress(TypeError, ValueError):  # it is no number after all
                    return convert(value)
    return value


# What no machine has, and the system's calls for limits do not take.
ENDLESS: Final = 2**62  # bytes


def nbytes(size: int | str | None) -> int | None:
    """A size in bytes: as a number, or as text like ``"2 GiB"``; 0 for a text that is none."""
    if not isinstance(size, str):
        return size
    import re

    match = re.fullmatch(_SIZE, size, re.IGNORECASE)
    return int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0


def _nearest(name: str, known: set[str]) -> str | None:
    import difflib

    if name in ELSEWHERE:
        return ELSEWHERE[name]
    return next(iter(difflib.get_close_matches(name, sorted(known), 1, 0.6)), None)


def _count(least: int, *, optional: bool = True) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if value is None and optional:
            return
        whole = hasattr(value, "__index__") and not isinstance(value, bool)  # NumPy's integers are whole too
        if not whole or operator.index(value) < least:  # type: ignore[arg-type]
            raise BadOption(name, value, f"a whole number, {least} or more")

    return check


def _positive(name: str, value: object) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not value > 0 or math.isnan(value):  # type: ignore[operator, arg-type]
        raise BadOption(name, value, "a number greater than 0")


def _amount(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and 0 <= value < math.inf):  # type: ignore[operator]
        raise BadOption(name, value, "a number, 0 or more")


def _amounts(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(resource, str) for resource in value):
        raise BadOption(name, value, "amounts of resources by their names, such as {'TPU': 4}")
    for resource, amount in value.items():
        if resource in {"CPU", "GPU"}:
            raise BadOption(name, value, f"without {resource!r}, which is num_{resource.lower()}s")
        _amount(f"{name}[{resource!r}]", 0 if amount is None else amount)


def _mapping(name: str, value: object) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise BadOption(name, value, "a dictionary, such as {'pip': ['pandas'], 'env_vars': {'LEVEL': '3'}}")


def _timeout(name: str, value: object) -> None:
    if isinstance(value, str):
        if not medians(value):
            raise BadOption(name, value, "a number of seconds, or a multiple of the median such as '5x median'")
    else:
        _positive(name, value)


def _size(name: str, value: object) -> None:
    if isinstance(value, str):
        if not nbytes(value):
            raise BadOption(name, value, "a number of bytes, or a size such as '2 GiB' or '500MB'")
    else:
        _count(1)(name, value)
    if value is not None and operator.index(nbytes(value)) >= ENDLESS:  # type: ignore[arg-type]
        raise BadOption(name, value, "less than 4 EiB, or left out where there is to be no limit")


def _truth(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise BadOption(name, value, "True or False")


def _on(name: str, value: object) -> None:
    if isinstance(value, str) and value in KIND_NAMES:
        return
    if isinstance(value, tuple | list) and value and all(isinstance(kind, str) and kind in AUTO for kind in value):
        return
    if not isinstance(value, str) and callable(getattr(value, "submit", None)):
        return
    raise BadOption(
        name,
        value,
        f"one of {', '.join(map(repr, KIND_NAMES))} or a concurrent.futures.Executor; or several kinds to choose from",
    )


def _on_error(name: str, value: object) -> None:
    if not isinstance(value, str) or value not in ON_ERROR:
        raise BadOption(name, value, "'raise', 'keep' or 'skip'")


def _progress(name: str, value: object) -> None:
    if value is not None and not isinstance(value, bool) and not callable(value):
        raise BadOption(name, value, "True, False, None or a callable that takes an event")


def _variables(name: str, value: object) -> None:
    if not isinstance(value, Sequence) or not all(isinstance(part, ContextVar) for part in value):
        raise BadOption(name, value, "a list of contextvars.ContextVar objects")


def _start_method(name: str, value: object) -> None:
    if value is not None and value not in START_METHODS:
        raise BadOption(name, value, f"one of {', '.join(map(repr, START_METHODS))}")


def _mp_context(name: str, value: object) -> None:
    asked = getattr(value, "get_start_method", None)
    if value is not None and (not callable(asked) or asked() not in START_METHODS):
        raise BadOption(name, value, "a context, as from multiprocessing.get_context('spawn')")


def _text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise BadOption(name, value, "a string")


_NUMBERS: Final = frozenset({
    "max_workers", "timeout", "retries", "rate", "chunksize", "buffersize", "seed", "memory_limit",
    "max_tasks_per_child", "num_cpus", "num_gpus",
})  # fmt: skip

_CHECKS: Final[Mapping[str, Callable[[str, object], None]]] = {
    "on": _on,
    "max_workers": _count(1),
    "ordered": _truth,
    "timeout": _timeout,
    "retries": _count(0, optional=False),
    "on_error": _on_error,
    "rate": _positive,
    "chunksize": _count(1),
    "buffersize": _count(1),
    "seed": _count(0),
    "contextvars": _variables,
    "progress": _progress,
    "start_method": _start_method,
    "mp_context": _mp_context,
    "memory_limit": _size,
    "max_tasks_per_child": _count(1),
    "num_cpus": _amount,
    "num_gpus": _amount,
    "resources": _amounts,
    "runtime_env": _mapping,
    "name": _text,
}
