"""Tests of CPython's that are not run on weft, by name, each with the reason."""

from __future__ import annotations

import sys

# The rule that one death breaks the pool, which weft does not have.
DEATH = "that one death breaks the pool: weft's workers are replaced, and only the call is lost"
UNREAD = (
    "the same of what can't be unpickled, of which the pool breaks: with weft its call fails, with what that raised"
)
DROPPED = (
    "the same of a worker's end by max_tasks_per_child when the executor was dropped: weft makes what it was given"
)

# Attributes that are private.
COUNTED = "_processes, counted after calls that can't be pickled: weft sees that before it starts one for them"
TRACEBACK = "the type of an error's cause, concurrent.futures.process._RemoteTraceback; weft's is WorkerTraceback"
DEFAULT = "_mp_context of a default: weft's own start method can renew workers, so it stays the default"
THREADS = "threading._start_joinable_thread, by which it forbids a second thread: weft gets by with one"
WAKEUP = "concurrent.futures.process._ExecutorManagerThread and _ThreadWakeup, slowed down"
FORCE = "_force_shutdown, called or replaced: weft has terminate_workers() and kill_workers(), and nothing below them"
METHODS = "_processes, whether the methods of what is in it were called: that workers end is tested in tests/patterns"
FORCED = "_shutdown_lock and _force_shutting_down, set by the test"
SPAWNED = "concurrent.futures.process._spawn_worker, replaced by one that fails"

# What contradicts a promise of weft's, which each entry names.
LAMBDA = "that a lambda can't be sent back: 'lambdas, closures, notebook functions and big arrays just work'"
SENT = "that closures and local classes can't be sent to an interpreter: the same promise"
COPIES = (
    "that the very object comes out that was put in: a channel 'can be handed to threads, processes and coroutines'"
)

LEFT_OUT = {
    "executors": {
        "ProcessPool*Test.test_killed_child": DEATH,
        "ProcessPoolForkserver*Test.test_processes_terminate": COUNTED,
        "ProcessPoolSpawn*Test.test_processes_terminate": COUNTED,
        "ProcessPoolForkserver*Test.test_saturation": COUNTED,
        "ProcessPoolSpawn*Test.test_saturation": COUNTED,
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
        "WithProcessesPoolWorkerErrorsBy*.test_unpickleable_result": LAMBDA,
    },
    "queues": {
        "SimpleSharedChannelTest.test_references": COPIES,
    },
}


SINCE_3_14 = {
    "executors": {
        "ProcessPool*Test.test_broken_process_pool_traceback": DEATH,
        "ProcessPool*Test.test_force_shutdown_workers_dead_workers": DEATH,
        "ProcessPool*Test.test_force_shutdown_workers": METHODS,
        "ProcessPool*Test.test_force_shutdown_workers_invalid_op": FORCE,
        "ProcessPool*Test.test_kill_workers": FORCE,
        "ProcessPool*Test.test_terminate_workers": FORCE,
        "ProcessPool*Test.test_force_shutdown_during_max_tasks_worker_exit": FORCED,
        "ProcessPool*Test.test_failed_worker_replacement_breaks_pool": SPAWNED,
        "ProcessPool*Test.test_shutdown_no_wait_max_tasks_gh119592": DROPPED,
        "ProcessPool*Test.test_gc_during_max_tasks_worker_exit_gh152967": DROPPED,
        "InterpreterPoolExecutorTest.test_init_closure": SENT,
        "InterpreterPoolExecutorTest.test_init_instance_method": SENT,
        "InterpreterPoolExecutorTest.test_submit_closure": SENT,
        "InterpreterPoolExecutorTest.test_submit_instance_method": SENT,
        "InterpreterPoolExecutorTest.test_submit_local_instance": SENT,
    },
    "pools": {},
    "queues": {},
}


def of(suite):
    """Patterns of the names, for one suite."""
    return LEFT_OUT[suite] | (SINCE_3_14[suite] if sys.version_info >= (3, 14) else {})
