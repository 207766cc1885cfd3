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
    "AsyncExecutor": "._patterns.async_executor",
    "Channel": "._patterns.channel",
    "Failure": "._model.outcome",
    "InterpreterExecutor": "._patterns.interpreter_executor",
    "Pipe": "._patterns.pipe",
    "Pipeline": "._patterns.pipeline",
    "ProcessExecutor": "._patterns.process_executor",
    "RayExecutor": "._patterns.ray_executor",
    "Run": "._patterns.run",
    "TaskGroup": "._patterns.group",
    "ThreadExecutor": "._patterns.thread_executor",
    "advise": "._patterns.advise",
    "current_worker": "._patterns.current_worker",
    "doctor": "._patterns.doctor",
    "map": "._patterns.map",
    "pipeline": "._patterns.pipeline",
    "pure": "._patterns.declare",
    "rng": "._patterns.rng",
    "starmap": "._patterns.map",
    "submit": "._patterns.submit",
    "thread_unsafe": "._patterns.declare",
    "worklist": "._patterns.worklist",
    "BadOption": ".errors",
    "KindUnavailable": ".errors",
    "MissingPackage": ".errors",
    "NotSendable": ".errors",
    "ShutDown": ".errors",
    "TaskTimeout": ".errors",
    "UnknownOption": ".errors",
    "WeftError": ".errors",
    "WorkerDied": ".errors",
}

__all__ = [
    "AsyncExecutor",
    "BadOption",
    "Channel",
    "Failure",
    "InterpreterExecutor",
    "KindUnavailable",
    "MissingPackage",
    "NotSendable",
    "Pipe",
    "Pipeline",
    "ProcessExecutor",
    "RayExecutor",
    "Run",
    "ShutDown",
    "TaskGroup",
    "TaskTimeout",
    "ThreadExecutor",
    "UnknownOption",
    "WeftError",
    "WorkerDied",
    "advise",
    "current_worker",
    "doctor",
    "map",
    "pipeline",
    "pure",
    "rng",
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
