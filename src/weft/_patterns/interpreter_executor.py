"""weft.InterpreterExecutor: interpreters of this process to hold on to."""

from __future__ import annotations

from typing import ClassVar

from .._model.options import require_interpreters
from .executor import NamedExecutor


class InterpreterExecutor(NamedExecutor):
    """A ``concurrent.futures.Executor`` of interpreters: what ``InterpreterPoolExecutor`` is, on weft's workers.

    Args:
        max_workers: How many interpreters at most; by default the processors that this process may use.
        thread_name_prefix: How the names of the threads begin that they live in.
        initializer: What each interpreter calls first.
        initargs: With what arguments.

    Interpreters are new, and the executor's own. Whatever can be pickled goes there, and functions that can't be
    imported there go by value, as with :class:`weft.ProcessExecutor`; modules whose C code is not made for it, NumPy's
    among them, can't be loaded there. An initializer that raises breaks the executor: whatever was submitted fails
    with :class:`weft.errors.InitializerFailed`.

    Errors are those of ``InterpreterPoolExecutor`` and weft's own at once: what can't be sent is a
    ``NotShareableError`` and a :class:`weft.NotSendable`, a failed initializer ends in a ``BrokenInterpreterPool`` that
    is an :class:`weft.errors.InitializerFailed`, and the cause of what a function raises is an ``ExecutionFailed`` with
    the interpreter's traceback in its text.

    Raises:
        KindUnavailable: This is a Python before 3.14.
    """

    _kind: ClassVar[str] = "interpreter"

    def _require(self) -> None:
        require_interpreters("weft.InterpreterExecutor", "weft.ProcessExecutor")
