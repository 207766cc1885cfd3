"""weft's executors and pools under the standard library's names, for CPython's own tests.

Some of these look at attributes that begin with an underscore, to count workers or to wait for their end. What they
want to know is asked of weft's workers here; nothing else is added.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing.dummy
import multiprocessing.pool
import sys
import threading
import time

import weft
import weft.errors
import weft.multiprocessing
from weft._workers.supervisor import SUPERVISOR

DEADLINE = 10.0  # seconds until a worker that is waited for must be gone


class Process:
    """A worker as ``multiprocessing.Process`` shows one."""

    def __init__(self, worker):
        self._worker = worker
        self.pid = worker.pid

    def is_alive(self):
        return self._worker.alive

    def join(self, timeout=DEADLINE):
        """Until it has ended, or been given back: then it may stay for the next executor."""
        ending = time.monotonic() + timeout
        while self._worker not in SUPERVISOR.idle and self._worker.alive:
            assert time.monotonic() < ending, f"process {self.pid} does not end"
            time.sleep(0.005)


class Processes:
    """An executor's processes: how many there are, and all that were seen here."""

    def __init__(self, held):
        self._held, self._seen = held, {}
        self.look()

    def look(self):
        crew = self._held.crew
        for worker in [] if crew is None else crew.staff:
            self._seen.setdefault(worker, Process(worker))

    def __len__(self):
        return len(self._held.crew.staff)

    def __iter__(self):
        self.look()
        return iter([process for worker, process in self._seen.items() if worker in self._held.crew.staff])

    def values(self):
        self.look()
        return list(self._seen.values())


class Manager:
    """What the standard library's executor has a thread and a queue for."""

    def __init__(self, held):
        self.join = self.join_thread = held.join


class ProcessPoolExecutor(weft.ProcessExecutor):
    @property
    def _processes(self):
        return Processes(self._held)

    @property
    def _executor_manager_thread(self):
        return Manager(self._held)

    _call_queue = _executor_manager_thread


class ThreadPoolExecutor(weft.ThreadExecutor):
    @property
    def _threads(self):
        threads = {thread for thread in threading.enumerate() if thread in self._held.crew.staff}
        ending = time.monotonic() + DEADLINE
        while any(thread.ident is None for thread in threads):  # one that another is starting can't be joined yet
            assert time.monotonic() < ending, "a thread does not start"
            time.sleep(0.005)
        return threads


class InterpreterPoolExecutor(weft.InterpreterExecutor, ThreadPoolExecutor):  # which it is in the standard library, too
    @property
    def _threads(self):
        return {worker.name for worker in self._held.crew.staff}

    @property
    def _thread_name_prefix(self):
        return self._held.staff.prefix


class AsyncExecutor(weft.AsyncExecutor):
    pass


class Pool(weft.multiprocessing.Pool):
    """By the start method that the test has set."""

    def __init__(self, processes=None, initializer=None, initargs=(), maxtasksperchild=None, context=None):
        context = context or multiprocessing.get_context()
        super().__init__(processes, initializer, initargs, maxtasksperchild, context)

    @property
    def _pool(self):
        return list(Processes(self._held))

    def _repopulate_pool(self):
        self._held.crew.populate()


class ThreadPool(weft.multiprocessing.ThreadPool):
    @property
    def _pool(self):
        return range(self._processes)


def take_over():
    """From here on ``concurrent.futures`` and ``multiprocessing`` have weft's."""
    multiprocessing.Pool = Pool
    multiprocessing.dummy.Pool = ThreadPool
    multiprocessing.pool.Pool, multiprocessing.pool.ThreadPool = Pool, ThreadPool
    concurrent.futures.ProcessPoolExecutor = ProcessPoolExecutor
    concurrent.futures.ThreadPoolExecutor = ThreadPoolExecutor
    concurrent.futures.AsyncExecutor = AsyncExecutor
    if sys.version_info >= (3, 14):
        from concurrent.futures import interpreter

        concurrent.futures.InterpreterPoolExecutor = interpreter.InterpreterPoolExecutor = InterpreterPoolExecutor
    if "concurrent.futures.process" in sys.modules:
        concurrent.futures.process.ProcessPoolExecutor = ProcessPoolExecutor
