"""Runs a module of CPython's own tests, as it comes with this interpreter, on weft's executors or pools.

    python tests/cpython/run.py executors            every module of test.test_concurrent_futures that is asked for
    python tests/cpython/run.py executors test_wait  one of them
    python tests/cpython/run.py executors check      nothing; but all that is left out must be there
    python tests/cpython/run.py executors asynchronous   what of them is for every executor, on weft.AsyncExecutor
    python tests/cpython/run.py pools                the tests of pools in test._test_multiprocessing
    python tests/cpython/run.py pools spawn          by one start method
    python tests/cpython/run.py queues               the tests of queue.Queue in test.test_queue, on weft.Channel

What is left out is in `left_out.py`, by name, with the reason.
Exit status 0: all passed. 3: this interpreter came without its tests.
"""

from __future__ import annotations

import importlib
import sys
import types
import unittest
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

import left_out  # noqa: E402  from beside this file
import stand_ins  # noqa: E402

NO_TESTS = 3
METHODS = ("fork", "forkserver", "spawn")

# By the names that the modules have since 3.12; before, all is in one, and these are the names of its classes.
EXECUTORS = {
    "test_wait": "*WaitTest*",
    "test_process_pool": "ProcessPool*ExecutorTest",
    "asynchronous": "",
    "test_shutdown": "*ShutdownTest",
    "test_as_completed": "*AsCompleted*",
    "test_thread_pool": "ThreadPoolExecutorTest",
    "test_init": "*Initializer*Test",
    "test_deadlock": "*DeadlockTest",
}
if sys.version_info >= (3, 14):
    EXECUTORS["test_interpreter_pool"] = ""


def executors(names):
    """The modules of tests of executors: a package since 3.12, one file before."""
    stand_ins.take_over()
    package = importlib.import_module("test.test_concurrent_futures")
    names = names or EXECUTORS
    if not hasattr(package, "__path__"):
        return [asynchronous([package]) if name == "asynchronous" else only(package, EXECUTORS[name]) for name in names]
    parts = {name: importlib.import_module(f"{package.__name__}.{name}") for name in (*EXECUTORS, "util", "executor")
             if name != "asynchronous"}  # fmt: skip
    return [asynchronous(list(parts.values())) if name == "asynchronous" else parts[name] for name in names]


def only(module, classes):
    """Those of a module's tests that are in such *classes*."""
    made = types.ModuleType(module.__name__)
    vars(made).update({name: value for name, value in vars(module).items() if fnmatchcase(name, classes)})
    made.in_children = [module]
    return made


def asynchronous(modules):
    """The tests that are for every executor, on the one that the standard library does not have."""
    named = {name: value for module in modules for name, value in vars(module).items()}
    made = types.ModuleType("asynchronous")
    mixin = type("AsyncMixin", (named["ThreadPoolMixin"],), {"executor_type": stand_ins.AsyncExecutor})
    for name in ("WaitTests", "AsCompletedTests", "ExecutorTest", "ExecutorShutdownTest"):
        setattr(made, f"Async{name}", type(f"Async{name}", (mixin, named[name], named["BaseTestCase"]), {}))
    made.in_children = modules
    return made


def pools(methods):
    """The tests of pools: of threads, and of processes by each start method."""
    stand_ins.take_over()
    return [importlib.import_module(f"pools_by_{method}") for method in methods or METHODS]


def queues(names):
    """The tests of queues, on channels of one process, and on such as several have."""
    return [importlib.import_module("queues")]


SUITES = {"executors": executors, "pools": pools, "queues": queues}


def main():
    suite, *names = sys.argv[1:]
    checks = names == ["check"]
    names = [] if checks else names
    try:
        modules = SUITES[suite](names)
        from test.support import script_helper
    except ImportError as missing:
        if (missing.name or "").partition(".")[0] != "test":
            raise
        print(f"Python {sys.version.split()[0]} came without these tests: {missing}")
        return NO_TESTS
    loader = unittest.defaultTestLoader
    tests = [test for module in modules for test in flat(loader.loadTestsFromModule(module))]
    in_children(script_helper, *modules, *(each for module in modules for each in getattr(module, "in_children", [])))
    out = left_out.of(suite)
    wanted = unittest.TestSuite(test for test in tests if not any(fnmatchcase(name_of(test), name) for name in out))
    print(f"{len(tests)} tests of {', '.join(module.__name__ for module in modules)}, Python {sys.version.split()[0]}")
    if checks:
        stale = [name for name in out if not any(fnmatchcase(name_of(test), name) for test in tests)]
        print(f"left out, but not there: {stale}" if stale else "all that is left out is there")
        return int(bool(stale))
    left = len(tests) - wanted.countTestCases()
    del tests  # what a test keeps goes with it
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(wanted)
    print(f"{result.testsRun} run, {left} left out by name, {len(result.skipped)} skipped by themselves")
    return int(not result.wasSuccessful())


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def name_of(test):
    return f"{type(test).__name__}.{test._testMethodName}"


def in_children(*modules):
    """Programs that a test starts have weft's as well."""
    plain = modules[0].assert_python_ok

    def assert_python_ok(*given):
        ours = f"import sys; sys.path[:0] = {sys.path!r}; import stand_ins; stand_ins.take_over()\n"
        if given[0] == "-c":
            return plain("-c", ours + given[1])
        return plain("-c", f"{ours}import runpy; runpy.run_path({given[0]!r}, run_name='__main__')")

    for module in modules:
        if getattr(module, "assert_python_ok", plain) is plain:
            module.assert_python_ok = assert_python_ok


if __name__ == "__main__":
    sys.exit(main())
