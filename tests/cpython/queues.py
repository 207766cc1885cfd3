"""CPython's tests of queues, put together on weft.Channel as one process has it, and as several have it."""

from __future__ import annotations

import queue
import types
import unittest

from test import test_queue as source

import weft


class LocalChannel(weft.Channel):
    pass


class SharedChannel(weft.Channel):
    """From the first moment on as it is when several processes have it."""

    def __init__(self, maxsize=0):
        super().__init__(maxsize)
        self._share()


def named(cls):
    """The tests know queues by the name of their class."""
    cls.__name__ = "Queue"
    return cls


def module(cls):
    """What the tests take for the module queue."""
    return types.SimpleNamespace(Queue=named(cls), Empty=queue.Empty, Full=queue.Full, ShutDown=weft.ShutDown)


class LocalChannelTest(source.QueueTest, unittest.TestCase):
    queue = module(LocalChannel)


class SharedChannelTest(source.QueueTest, unittest.TestCase):
    queue = module(SharedChannel)


class FailingLocalChannelTest(source.FailingQueueTest, unittest.TestCase):
    queue = module(LocalChannel)


class SimpleLocalChannelTest(source.BaseSimpleQueueTest, unittest.TestCase):
    queue = module(LocalChannel)
    type2test = LocalChannel


class SimpleSharedChannelTest(source.BaseSimpleQueueTest, unittest.TestCase):
    queue = module(SharedChannel)
    type2test = SharedChannel


def load_tests(loader, tests, pattern):
    """Those here, and not those that the tests' own module has for the standard library's queues."""
    found = unittest.TestSuite()
    for value in globals().values():
        if isinstance(value, type) and issubclass(value, unittest.TestCase):
            found.addTests(loader.loadTestsFromTestCase(value))
    return found
