"""weft: run a function over many inputs on the right kind of worker, behind one call.

>>> import weft
>>> list(weft.map(len, ["many", "threads", "one", "cloth"]))
[4, 7, 3, 5]
"""

from __future__ import annotations

from ._version import __version__ as __version__

TYPE_CHECKING = False  # as type checkers have it; typing itself takes 6 ms to import
if TYPE_CHECKING:
    from ._model.outcome import Failure as Failure
    from ._patterns.actor import Actor as Actor
    from ._patterns.advise import advise as advise
    from ._patterns.async_executor import AsyncExecutor as AsyncExecutor
    from ._patterns.channel import Channel as Channel
    from ._patterns.current_worker import current_worker as current_worker
    from ._patterns.declare import pure as pure
    from ._patterns.declare import thread_unsafe as thread_unsafe
    from ._patterns.doctor import doctor as doctor
    from ._patterns.group import TaskGroup as TaskGroup
    from ._patterns.interpreter_executor import InterpreterExecutor as InterpreterExecutor
    from ._patterns.map import map as map
    from ._patterns.map import starmap as starmap
    from ._patterns.pipe import Pipe as Pipe
    from ._patterns.pipeline import Pipeline as Pipeline
    from ._patterns.pipeline import pipeline as pipeline
    from ._patterns.process_executor import ProcessExecutor as ProcessExecutor
    from ._patterns.ray_executor import RayExecutor as RayExecutor
    from ._patterns.rng import rng as rng
    from ._patterns.run import Run as Run
    from ._patterns.submit import submit as submit
    from ._patterns.thread_executor import ThreadExecutor as ThreadExecutor
    from ._patterns.worklist import worklist as worklist
    from ._share.barrier import Barrier as Barrier
    from ._share.condition import Condition as Condition
    from ._share.counter import Counter as Counter
    from ._share.dict import Dict as Dict
    from ._share.event import Event as Event
    from ._share.lock import Lock as Lock
    from ._share.lock import RLock as RLock
    from ._share.semaphore import Semaphore as Semaphore
    from ._share.share import share as share
    from ._share.value import Value as Value
    from .errors import BadOption as BadOption
    from .errors import KindUnavailable as KindUnavailable
    from .errors import MissingPackage as MissingPackage
    from .errors import NotSendable as NotSendable
    from .errors import ShutDown as ShutDown
    from .errors import TaskTimeout as TaskTimeout
    from .errors import UnknownOption as UnknownOption
    from .errors import WeftError as WeftError
    from .errors import WorkerDied as WorkerDied

# Where each public name lives; loaded when first used (PEP 562), so that `import weft` costs next to nothing.
_ROOMS = {
    "Actor": "._patterns.actor",
    "AsyncExecutor": "._patterns.async_executor",
    "BadOption": ".errors",
    "Barrier": "._share.barrier",
    "Channel": "._patterns.channel",
    "Condition": "._share.condition",
    "Counter": "._share.counter",
    "Dict": "._share.dict",
    "Event": "._share.event",
    "Failure": "._model.outcome",
    "InterpreterExecutor": "._patterns.interpreter_executor",
    "KindUnavailable": ".errors",
    "Lock": "._share.lock",
    "MissingPackage": ".errors",
    "NotSendable": ".errors",
    "Pipe": "._patterns.pipe",
    "Pipeline": "._patterns.pipeline",
    "ProcessExecutor": "._patterns.process_executor",
    "RLock": "._share.lock",
    "RayExecutor": "._patterns.ray_executor",
    "Run": "._patterns.run",
    "Semaphore": "._share.semaphore",
    "ShutDown": ".errors",
    "TaskGroup": "._patterns.group",
    "TaskTimeout": ".errors",
    "ThreadExecutor": "._patterns.thread_executor",
    "UnknownOption": ".errors",
    "Value": "._share.value",
    "WeftError": ".errors",
    "WorkerDied": ".errors",
    "advise": "._patterns.advise",
    "current_worker": "._patterns.current_worker",
    "doctor": "._patterns.doctor",
    "map": "._patterns.map",
    "pipeline": "._patterns.pipeline",
    "pure": "._patterns.declare",
    "rng": "._patterns.rng",
    "share": "._share.share",
    "starmap": "._patterns.map",
    "submit": "._patterns.submit",
    "thread_unsafe": "._patterns.declare",
    "worklist": "._patterns.worklist",
}

__all__ = [
    "Actor",
    "AsyncExecutor",
    "BadOption",
    "Barrier",
    "Channel",
    "Condition",
    "Counter",
    "Dict",
    "Event",
    "Failure",
    "InterpreterExecutor",
    "KindUnavailable",
    "Lock",
    "MissingPackage",
    "NotSendable",
    "Pipe",
    "Pipeline",
    "ProcessExecutor",
    "RLock",
    "RayExecutor",
    "Run",
    "Semaphore",
    "ShutDown",
    "TaskGroup",
    "TaskTimeout",
    "ThreadExecutor",
    "UnknownOption",
    "Value",
    "WeftError",
    "WorkerDied",
    "advise",
    "current_worker",
    "doctor",
    "map",
    "pipeline",
    "pure",
    "rng",
    "share",
    "starmap",
    "submit",
    "thread_unsafe",
    "worklist",
]


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module 'weft' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(room, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
