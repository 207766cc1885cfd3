"""weft as a backend of joblib: batches of calls go to processes as joblib makes them."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any, ClassVar, Final

from joblib.parallel import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    register_parallel_backend,
)

from .._held import usual
from .._share.files import ByFile
from ..errors import UnknownOption
from .process_executor import ProcessExecutor

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

NAME: Final = "weft"

# How long a batch should take. joblib takes some 0.3 ms for each itself, and aims at 200 ms, for what loky takes.
BATCH: Final = 0.05  # seconds

# How many times as large a batch may be as those that were seen.
GROWTH: Final = 8
OPTIONS: Final = ("initializer", "initargs", "max_tasks_per_child", "memory_limit", "start_method")


class WeftBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """What joblib asks of a backend, on an executor for each call of ``Parallel``; its workers are warm ones.

    Args:
        **asked: What ``parallel_config`` was given for it.

    Raises:
        UnknownOption: It takes no such keyword.
    """

    _effective_batch_size: int  # the mixin's, by what it was told of batches
    _smoothed_batch_duration: float

    default_n_jobs: ClassVar[int] = -1
    supports_retrieve_callback: ClassVar[bool] = True
    supports_inner_max_num_threads: ClassVar[bool] = True

    def __init__(
        self, nesting_level: int | None = None, inner_max_num_threads: int | None = None, **asked: Any
    ) -> None:
        for name in asked:
            if name not in OPTIONS:
                raise UnknownOption(name, None, OPTIONS)
        self._asked = asked
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads, **asked)
        self._workers: ProcessExecutor | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many workers that is."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        return n_jobs if n_jobs > 0 else max(1, usual("process") + 1 + n_jobs)

    def configure(
        self, n_jobs: int | None = 1, parallel: Any = None, prefer: object = None, require: object = None, **asked: Any
    ) -> int:
        """Have workers for the calls to come; what joblib says of memory mapping is for backends that need it."""
        workers = self.effective_n_jobs(n_jobs)
        self._asked = self.backend_kwargs | {name: asked[name] for name in OPTIONS if name in asked}
        if workers == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._workers = self._hire(workers)
        return workers

    def compute_batch_size(self) -> int:
        """How many calls the next batch should have, by how long the last ones took."""
        size: int = self._effective_batch_size
        took: float = self._smoothed_batch_duration
        if took > 0:
            fit = max(1, int(size * BATCH / took))
            if took < BATCH / 2 or took > 2 * BATCH:
                fit = min(fit, GROWTH * size)
                self._effective_batch_size = size = fit
                self._smoothed_batch_duration = self._DEFAULT_SMOOTHED_BATCH_DURATION
        return size

    def submit(self, func: Callable[[], Any], callback: Callable[[Future[Any]], object] | None = None) -> Future[Any]:
        """One batch of calls."""
        assert self._workers is not None
        rooted = "initializer" in self._asked or self.inner_max_num_threads is not None
        batch: Any = ByFile(func, rooted=rooted)  # over there it is the batch
        future = self._workers.submit(run_batch, batch)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """What a batch came to."""
        return out.result()

    def terminate(self) -> None:
        """The call is over; the workers stay warm."""
        executor, self._workers = self._workers, None
        if executor is not None:
            executor.shutdown(cancel_futures=True)
        self.reset_batch_stats()

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: FBT001, FBT002  its signature
        """End what runs."""
        executor, self._workers = self._workers, None
        if executor is not None:
            executor.terminate_workers()
            executor.shutdown()
        if ensure_ready:
            # joblib keeps batches that it has made and not dispatched, and would dispatch them with the next call's.
            with suppress(AttributeError, Empty):
                while True:
                    self.parallel._ready_batches.get_nowait()  # noqa: SLF001  there is no other way to them
            self.configure(self.parallel.n_jobs, self.parallel, **self._asked)

    def _hire(self, workers: int) -> ProcessExecutor:
        if self.inner_max_num_threads is None:  # weft gives each its share of the processors
            return ProcessExecutor(workers, **self._asked)
        limits = self._prepare_worker_env(n_jobs=workers)
        asked = dict(self._asked)
        prepare = partial(limit_native_threads, limits, asked.pop("initializer", None))
        return ProcessExecutor(workers, initializer=prepare, **asked)


def run_batch(batch: Callable[[], Any]) -> Any:
    """In the worker: do as joblib says; what it calls may ask for this backend too."""
    register()
    return batch()


def limit_native_threads(limits: dict[str, str], initializer: Callable[..., object] | None, *initargs: Any) -> None:
    """In the worker, before any library is loaded that looks for that; then whatever else was asked for."""
    os.environ.update(limits)
    if initializer is not None:
        initializer(*initargs)


def register() -> None:
    """Tell joblib of it."""
    register_parallel_backend(NAME, WeftBackend)
