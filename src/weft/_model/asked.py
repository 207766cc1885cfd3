"""The keywords of :func:`weft.map` as type checkers know them; what they mean and whether they may is in options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from .event import Event

Kind: TypeAlias = Literal["auto", "serial", "thread", "process", "interpreter", "async", "ray"]
StartMethod: TypeAlias = Literal["forkserver", "fork", "spawn"]


class HasStartMethod(Protocol):
    """A context of :mod:`multiprocessing`, as far as it matters here."""

    def get_start_method(self) -> str | None:
        """How it starts processes."""


class AskedOfStage(TypedDict, total=False):
    """The keywords of one stage of a pipeline, and what each may be."""

    on: Kind | tuple[Kind, ...] | list[Kind] | Executor
    max_workers: int | None
    timeout: float | str | None
    retries: int
    on_error: Literal["raise", "keep", "skip"]
    rate: float | None
    chunksize: int | None
    buffersize: int | None
    seed: int | None
    contextvars: Sequence[ContextVar[Any]]
    start_method: StartMethod | None
    mp_context: HasStartMethod | None
    memory_limit: int | str | None
    max_tasks_per_child: int | None
    num_cpus: float | None
    num_gpus: float | None
    resources: Mapping[str, float] | None
    runtime_env: Mapping[str, Any] | None
    name: str | None


class AskedOfWorklist(AskedOfStage, total=False):
    """The keywords of :func:`weft.worklist` that are those of :func:`weft.map`."""

    progress: bool | Callable[[Event], object] | None


class Asked(AskedOfStage, total=False):
    """The keywords of :func:`weft.map` and :func:`weft.starmap`: those, and what is asked of a run as a whole."""

    ordered: bool
    progress: bool | Callable[[Event], object] | None
