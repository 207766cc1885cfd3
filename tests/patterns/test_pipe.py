"""Pipes: two ends, wherever they are."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest

import weft

METHODS = ["fork", "forkserver", "spawn"]
PROMPTLY = 8.0  # seconds: "at once" on a busy machine, "never" for a sleep of a minute


def echo(end):
    with end:
        while True:
            try:
                message = end.recv()
            except EOFError:
                return
            end.send(message)


def die(end):
    end.send("last words")
    os.kill(os.getpid(), signal.SIGKILL)


def test_both_ends_send_and_receive():
    """In order, each its own direction."""
    here, there = weft.Pipe()
    for n in range(3):
        here.send(n)
        there.send(-n)
    assert [there.recv() for _ in range(3)] == [0, 1, 2]
    assert [here.recv() for _ in range(3)] == [0, -1, -2]


def test_poll_tells_whether_there_is_something():
    """At once, or after some time."""
    here, there = weft.Pipe()
    assert not here.poll()
    assert not here.poll(0.01)
    there.send(None)
    assert here.poll()
    assert here.poll(None)
    assert here.recv() is None
    timer = threading.Timer(0.05, there.send, ["late"])
    timer.start()
    assert here.poll(PROMPTLY)
    timer.join()


def test_nothing_is_too_large_to_be_sent_before_it_is_received():
    """There is no 64 KB trap."""
    here, there = weft.Pipe()
    for _ in range(5):
        here.send(bytes(2_000_000))
    assert [len(there.recv()) for _ in range(5)] == [2_000_000] * 5


def test_an_end_that_is_closed_is_gone_for_the_other():
    """After what it has sent."""
    here, there = weft.Pipe()
    with there:
        there.send("last")
    assert there.closed
    assert here.recv() == "last"
    assert here.poll()
    with pytest.raises(EOFError):
        here.recv()
    with pytest.raises(BrokenPipeError):
        here.send("anybody?")
    for use in (there.recv, there.poll, lambda: there.send(1)):
        with pytest.raises(OSError, match="has been closed"):
            use()


def test_an_end_that_nobody_holds_any_more_is_gone():
    """Dropped is closed."""
    here, there = weft.Pipe()
    there.send(1)
    del there
    assert here.recv() == 1
    with pytest.raises(EOFError):
        here.recv()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("closes", [False, True], ids=["keeps", "closes"])
def test_processes_can_be_handed_an_end(method, closes):
    """Whether this process closes its own copy of it or not, and whenever: it is the other's that counts."""
    here, there = weft.Pipe()
    process = multiprocessing.get_context(method).Process(target=echo, args=(there,))
    process.start()
    if closes:
        there.close()
    for message in (1, "two", {"three": 3}):
        here.send(message)
        assert here.recv() == message
    array = np.arange(300_000)
    here.send(array)
    assert (here.recv() == array).all()
    here.close()
    process.join(60)
    assert process.exitcode == 0


def test_workers_can_be_handed_an_end():
    """Like any argument."""
    here, there = weft.Pipe()
    done = weft.submit(echo, there, on="process")
    here.send("hello")
    assert here.recv() == "hello"
    here.close()
    done.result(60)


@pytest.mark.parametrize("method", METHODS)
def test_the_death_of_the_other_end_is_the_end_of_what_it_sends(method):
    """Though this process has that end, too, and has not closed it."""
    here, there = weft.Pipe()
    process = multiprocessing.get_context(method).Process(target=die, args=(there,))
    process.start()
    assert here.recv() == "last words"
    began = time.monotonic()
    with pytest.raises(EOFError):
        here.recv()
    assert time.monotonic() - began < PROMPTLY
    with pytest.raises(BrokenPipeError):
        here.send(1)
    process.join()


def wait_for(end, ready):
    ready.put("ready")
    try:
        end.recv()
    except EOFError:
        ready.put("end of file")


def make_a_pipe(letters):
    here, there = weft.Pipe()
    here.send("hello")
    letters.put(there)
    signal.pause()


def test_the_death_of_the_process_that_made_it_is_the_end_too():
    """Whoever waits there does not wait for ever."""
    letters = weft.Channel()
    maker = multiprocessing.get_context("fork").Process(target=make_a_pipe, args=(letters,))
    maker.start()
    there = letters.get(timeout=60)
    assert there.recv() == "hello"
    maker.kill()
    maker.join()
    with pytest.raises(EOFError):
        there.recv()
    with pytest.raises(BrokenPipeError):
        time.sleep(0.15)
        there.send(1)
