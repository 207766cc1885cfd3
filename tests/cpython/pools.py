"""CPython's tests of pools, put together as its own modules are; in modules that workers can import."""

from __future__ import annotations

import multiprocessing
import unittest

from test import _test_multiprocessing as source

POOLS = (
    "_TestPool",
    "_TestPoolWorkerErrors",
    "_TestPoolWorkerLifetime",
    "TestInitializers",
    "TestPoolNotLeakOnFailure",
)


def put_together(names, method):
    """The tests by one start method, into the *names* of a module."""
    for name in POOLS:
        base = getattr(source, name)
        if issubclass(base, unittest.TestCase):
            names[f"{name}By{method.capitalize()}"] = made(names, method, name, (base,))
            continue
        for kind in base.ALLOWED_TYPES:
            if kind == "processes" or (kind == "threads" and method == "fork"):
                mixin = getattr(source, f"{kind.capitalize()}Mixin")
                test = f"With{kind.capitalize()}{name.removeprefix('_Test')}"
                bases = (base, mixin, unittest.TestCase)
                names[f"{test}By{method.capitalize()}"] = made(names, method, test, bases)


def made(names, method, name, bases):
    class Test(*bases):
        @classmethod
        def setUpClass(cls):
            cls.method_before = multiprocessing.get_start_method(allow_none=True)
            multiprocessing.set_start_method(method, force=True)
            super().setUpClass()

        @classmethod
        def tearDownClass(cls):
            super().tearDownClass()
            multiprocessing.set_start_method(cls.method_before, force=True)

    Test.__name__ = Test.__qualname__ = f"{name}By{method.capitalize()}"
    Test.__module__ = names["__name__"]
    return Test
