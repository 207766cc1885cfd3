"""Tests of CPython's that are not run on weft, by name, each with the reason."""

from __future__ import annotations

import sys

DEATH = "that one death breaks the pool: weft's workers are replaced, and only the call is lost"
UNREAD = "that what can't be unpickled breaks the pool: with weft its call fails, with what unpickling raised"
WAKEUP = "the private thread and pipe of the standard library's executor, slowed down"
UNSENT = "counts processes that were started for calls that can't be pickled: weft sees that before it starts one"
TRACEBACK = "the private type of the cause of an error; weft's is weft.errors.WorkerTraceback"
DEFAULT = "the private _mp_context of a default: weft's own start method can renew workers, so it stays the default"
THREADS = "by a private function of threading it forbids a second thread: weft gets by with one"
LAMBDA = "that a lambda can't be sent back: weft sends it"
PROCESS = "that processes are made by the private context.Process: weft starts its own"
SIGNALS = "which private method or which method of its Process objects is called; that workers end is run"
SENT = "that closures and local classes can't be sent to an interpreter: weft sends them"
UNREADABLE = "that what can't be unpickled is a NotShareableError: with weft its call fails with what unpickling raised"
FAILED = "the type of the cause of an error, ExecutionFailed; weft's is weft.errors.WorkerTraceback, as of every worker"
SUBCLASS = "asyncio takes nothing for its default executor but a subclass of the standard library's ThreadPoolExecutor"
DROPPED = "that calls of an executor that was dropped are lost with its worker's life: weft makes them"
COPIES = "that the very object comes out that was put in: between processes it is a copy"

LEFT_OUT = {
    "executors": {
        "ProcessPool*Test.test_killed_child": DEATH,
        "ProcessPoolForkserver*Test.test_processes_terminate": UNSENT,
        "ProcessPoolSpawn*Test.test_processes_terminate": UNSENT,
        "ProcessPoolForkserver*Test.test_saturation": UNSENT,
        "ProcessPoolSpawn*Test.test_saturation": UNSENT,
        "ProcessPool*Test.test_traceback": TRACEBACK,
        "ProcessPool*Test.test_max_tasks_per_child_defaults_to_spawn_context": DEFAULT,
        "ProcessPool*Test.test_python_finalization_error": THREADS,
        "*DeadlockTest.test_crash_*": DEATH,
        "*DeadlockTest.test_exit_at_task_unpickle": DEATH,
        "*DeadlockTest.test_exit_during_result_*": DEATH,
        "*DeadlockTest.test_shutdown_deadlock": DEATH,
        "*DeadlockTest.test_error_at_task_unpickle": UNREAD,
        "*DeadlockTest.test_error_during_result_unpickle_in_result_handler": UNREAD,
        "*DeadlockTest.test_gh105829_should_not_deadlock_if_wakeup_pipe_full": WAKEUP,
    },
    "pools": {
        "WithProcessesPoolBy*.test_traceback": TRACEBACK,
        "WithProcessesPoolWorkerErrorsBy*.test_unpickleable_result": LAMBDA,
        "TestPoolNotLeakOnFailureBy*.test_release_unused_processes": PROCESS,
    },
    "queues": {
        "SimpleSharedChannelTest.test_references": COPIES,
    },
}


SINCE_3_14 = {
    "executors": {
        "ProcessPool*Test.test_broken_process_pool_traceback": DEATH,
        "ProcessPool*Test.test_force_shutdown_workers_dead_workers": DEATH,
        "ProcessPool*Test.test_force_shutdown_workers": SIGNALS,
        "ProcessPool*Test.test_force_shutdown_workers_invalid_op": SIGNALS,
        "ProcessPool*Test.test_kill_workers": SIGNALS,
        "ProcessPool*Test.test_terminate_workers": SIGNALS,
        "ProcessPool*Test.test_force_shutdown_during_max_tasks_worker_exit": SIGNALS,
        "ProcessPool*Test.test_failed_worker_replacement_breaks_pool": SIGNALS,
        "ProcessPool*Test.test_shutdown_no_wait_max_tasks_gh119592": DROPPED,
        "ProcessPool*Test.test_gc_during_max_tasks_worker_exit_gh152967": DROPPED,
        "InterpreterPoolExecutorTest.test_init_closure": SENT,
        "InterpreterPoolExecutorTest.test_init_instance_method": SENT,
        "InterpreterPoolExecutorTest.test_submit_closure": SENT,
        "InterpreterPoolExecutorTest.test_submit_instance_method": SENT,
        "InterpreterPoolExecutorTest.test_submit_local_instance": SENT,
        "InterpreterPoolExecutorTest.test_pickle_errors_propagate": UNREADABLE,
        "InterpreterPoolExecutorTest.test_init_exception_in_func": FAILED,
        "InterpreterPoolExecutorTest.test_submit_exception_in_func": FAILED,
        "AsyncioTest.test_default_executor": SUBCLASS,
    },
    "pools": {},
    "queues": {},
}


def of(suite):
    """Patterns of the names, for one suite."""
    return LEFT_OUT[suite] | (SINCE_3_14[suite] if sys.version_info >= (3, 14) else {})
