"""The table of kinds: how each is made, and what it can do. All that other rooms may know of a kind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from .._model.chunk import Call
from .._model.interruption import uninterrupted
from .._model.noun import dataclass
from .._model.options import require_interpreters
from .._model.plan import Plan
from ..errors import KindUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    from .._model.protocols import Crew, Watched

    Maker: TypeAlias = "Callable[[Call, Plan, AbstractEventLoop | None], Crew]"
    from asyncio import AbstractEventLoop


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What is true of a kind.

    Attributes:
        workers: How many there are when nobody says, on a machine with so many usable processors.
        stops: Whether an item that takes too long can be stopped there.
        said: How many workers of it are put into words.
        packs: Whether calls and chunks are pickled on their way to them.
        handy: Whether they can be handed calls that they settle themselves.
        foresees: Whether calls can be sent to them ahead of their turn, and be taken back.
        price: What a chunk costs its caller, in seconds, where that is so much that chunks are made longer for it.
    """

    workers: Callable[[int], int]
    stops: bool
    said: str
    packs: bool = False
    handy: bool = False
    foresees: bool = False
    price: float = 0.0


# Each is imported uninterrupted: a module of which Ctrl-C leaves a half can't always be imported again.
def _serial(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    with uninterrupted:
        from .serial import SerialCrew

    return SerialCrew(call)


def _thread(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    with uninterrupted:
        from .thread import ThreadCrew

    return ThreadCrew(call, plan.workers, plan.prefix)


def _process(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    try:
        with uninterrupted:
            from .births import Birth
            from .supervisor import SUPERVISOR

        birth = Birth.of(call, plan)
        SUPERVISOR.prepare(birth)  # it starts while we import the rest

        with uninterrupted:
            from .process import ProcessCrew
    except ImportError as error:
        message = f"process workers need POSIX pipes and poll(), which this system lacks ({error}); use on='thread'"
        raise KindUnavailable(message) from error
    return ProcessCrew(call, plan, birth)


def _interpreter(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    require_interpreters("on='interpreter'", "on='process'")

    with uninterrupted:
        from .interpreters import InterpreterCrew

    return InterpreterCrew(call, plan)


def _async(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    with uninterrupted:
        from .loop import LoopCrew

    return LoopCrew(call, plan.workers, loop)


def _ray(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    with uninterrupted:
        from .ray import RayCrew

    return RayCrew(call, plan)


def _futures(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    with uninterrupted:
        from .futures import FuturesCrew

    assert plan.executor is not None
    return FuturesCrew(call, plan.workers, plan.executor)


MAKERS: Final[Mapping[str, Maker]] = {
    "serial": _serial,
    "thread": _thread,
    "process": _process,
    "interpreter": _interpreter,
    "async": _async,
    "ray": _ray,
    "futures": _futures,
}

# What a Ray task costs its caller: bench/ray.py.
RAY_PRICE: Final = 0.0005  # seconds

# 32 and cpus + 4: ThreadPoolExecutor's own default. 100: aiohttp's limit of connections, the commonest bound.
TRAITS: Final[Mapping[str, Traits]] = {
    "serial": Traits(lambda cpus: 1, stops=False, said="the caller itself"),
    "thread": Traits(lambda cpus: min(32, cpus + 4), stops=False, said="threads ×{}", handy=True),
    "process": Traits(lambda cpus: cpus, stops=True, said="processes ×{}", packs=True, foresees=True),
    "interpreter": Traits(lambda cpus: cpus, stops=False, said="interpreters ×{}", packs=True, foresees=True),
    "async": Traits(lambda cpus: 100, stops=True, said="coroutines ×{}"),
    "ray": Traits(lambda cpus: 0, stops=True, said="Ray tasks ×{}", packs=True, price=RAY_PRICE),
    "futures": Traits(lambda cpus: cpus, stops=False, said="the executor given, ×{}"),
}


def make(call: Call, plan: Plan, loop: AbstractEventLoop | None) -> Crew:
    """The workers of *plan* for *call*; *loop* is the caller's own, if it waits in one."""
    return MAKERS[plan.kind](call, plan, loop)


def make_watched(call: Call) -> Watched:
    """The caller as a worker, with accounts that can be read while it works."""
    from .serial import SerialCrew

    return SerialCrew(call, watched=True)


def stop_idle_workers() -> None:
    """End the warm workers that wait for the next run; one that comes starts new ones."""
    supervisor = sys.modules.get("weft._workers.supervisor")
    if supervisor is not None:
        supervisor.SUPERVISOR.stop()
    beside = sys.modules.get("weft._workers.beside")
    if beside is not None:
        beside.dismiss()
    cluster = sys.modules.get("weft._workers.ray_cluster")
    if cluster is not None:
        cluster.stop_own()
    loop = sys.modules.get("weft._workers.loop")
    if loop is not None:
        loop.BACKGROUND.stop()
