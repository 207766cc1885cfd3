"""weft.Actor: one object, called from everywhere, one call after the other; and what its death costs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import weft

KINDS = pytest.mark.parametrize("on", ["process", "thread", "async", "serial"])
WORKERS = pytest.mark.parametrize("on", ["process", "thread", "async"])
METHODS = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])


class Account:
    def __init__(self, balance=0):
        self.balance, self.calls, self.inside = balance, [], 0

    def add(self, amount):
        assert not self.inside
        self.inside = 1
        self.calls.append(amount)
        self.balance += amount
        self.inside = 0
        return self.balance

    def seen(self):
        return self.calls

    def pid(self):
        return os.getpid()

    def fail(self):
        raise LookupError("no such account")

    def double(self, values):
        return values * 2

    def shared(self):
        return weft.share(np.arange(4.0))

    def lock(self):
        return threading.Lock()

    def nap(self, seconds):
        time.sleep(seconds)
        return seconds

    async def later(self, value):
        await asyncio.sleep(0.001)
        return value


def deposit(account, amount):
    return account.add(amount).result(30)


def deposit_many(account, first, count):
    futures = [account.add(first + each) for each in range(count)]
    return [future.result(30) for future in futures][-1]


@KINDS
def test_calls_are_done_in_the_order_in_which_they_were_made(on):
    with weft.Actor(Account, 5, on=on) as account:
        futures = [account.add(each) for each in range(50)]
        assert futures[-1].result() == 5 + sum(range(50))
        assert account.seen().result() == list(range(50))


@KINDS
def test_errors_and_values_arrive_as_themselves(on):
    with weft.Actor(Account, on=on) as account:
        with pytest.raises(LookupError, match="no such account"):
            account.fail().result()
        values = np.ones(200_000)
        assert account.double(values).result().sum() == 400_000
        assert account.shared().result().tolist() == [0.0, 1.0, 2.0, 3.0]
        with pytest.raises(AttributeError, match="has no method 'adds'"):
            account.adds(1)
        assert account.call("add", 3).result() == 3


@WORKERS
def test_methods_may_be_async_and_futures_awaited(on):
    async def main():
        with weft.Actor(Account, on=on) as account:
            return await asyncio.gather(*(account.later(each) for each in range(5)))

    assert asyncio.run(main()) == list(range(5))


@pytest.mark.parametrize("on", ["thread", "async", "serial"])
def test_in_this_process_arguments_are_the_very_objects(on):
    with weft.Actor(list, on=on) as kept:
        value = object()
        kept.append(value).result()
        assert kept.copy().result()[0] is value


@WORKERS
@pytest.mark.parametrize("kind", ["thread", "process", "async"])
def test_workers_of_every_kind_may_call_it(on, kind):
    with weft.Actor(Account, on=on) as account:
        futures = [weft.submit(deposit_many, account, 10 * each, 5, on=kind) for each in range(3)]
        last = [future.result() for future in futures]
        assert max(last) == account.add(0).result()
        for each in range(3):  # each caller's own in their order
            own = [call for call in account.seen().result() if 10 * each <= call < 10 * each + 5 and call]
            assert own == sorted(own)


@METHODS
@WORKERS
def test_it_is_an_argument_under_every_start_method(method, on):
    with weft.Actor(Account, on=on) as account:
        process = multiprocessing.get_context(method).Process(target=deposit, args=(account, 7))
        process.start()
        process.join(30)
        assert process.exitcode == 0
        process.close()
        assert account.add(0).result() == 7
    if method == "forkserver":
        multiprocessing.forkserver._forkserver._stop()


def test_what_can_not_travel_says_so():
    with weft.Actor(Account) as account:
        with pytest.raises(weft.NotSendable):
            account.lock().result()
        with pytest.raises(weft.NotSendable, match="the call of add"):
            account.add(threading.Lock()).result()
        assert account.add(1).result() == 1


@WORKERS
def test_if_it_can_not_be_made_every_call_says_why(on):
    with weft.Actor(int, "x", on=on) as number:
        for _ in range(2):
            with pytest.raises(ValueError, match="invalid literal"):
                number.bit_length().result()


def test_its_death_fails_its_calls():
    """At once, and all that it had been sent; the state is lost, so nothing is tried again."""
    account = weft.Actor(Account)
    pid = account.pid().result()
    futures = [account.nap(30), account.add(1), account.add(2)]
    time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    for future in futures:
        with pytest.raises(weft.WorkerDied, match="SIGKILL"):
            future.result(10)
    with pytest.raises(weft.WorkerDied):
        account.add(1).result(10)
    account.close()


def test_it_is_made_again_as_often_as_was_asked():
    with weft.Actor(Account, 100, restarts=2) as account:
        for _ in range(2):
            assert account.add(1).result(10) == 101
            os.kill(account.pid().result(10), signal.SIGKILL)
            with pytest.raises(weft.WorkerDied):
                while True:  # until it has noticed
                    account.add(0).result(10)
        assert account.add(1).result(10) == 101
        os.kill(account.pid().result(10), signal.SIGKILL)
        with pytest.raises(weft.WorkerDied):
            while True:
                account.add(0).result(10)
        with pytest.raises(weft.WorkerDied):
            account.add(0).result(10)


def deposit_until_it_dies(account):
    done = 0
    try:
        while True:
            done = account.add(1).result(30)
    except weft.WorkerDied:
        return done


def test_killed_at_random_moments_it_leaves_no_caller_waiting():
    """Callers of every kind, here and in other processes."""
    import random

    chance = random.Random(5)
    for _ in range(5):
        account = weft.Actor(Account)
        callers = [weft.submit(deposit_until_it_dies, account, on=kind) for kind in ("thread", "process", "process")]
        pid = account.pid().result(10)
        time.sleep(chance.random() * 0.05)
        os.kill(pid, signal.SIGKILL)
        for caller in callers:
            caller.result(30)
        account.close()


def test_a_caller_that_is_killed_costs_nobody_anything():
    context = multiprocessing.get_context("spawn")
    with weft.Actor(Account) as account:
        caller = context.Process(target=deposit_until_it_dies, args=(account,))
        caller.start()
        while not account.add(0).result(30):
            time.sleep(0.001)
        caller.kill()
        caller.join()
        caller.close()
        before = account.add(0).result(10)
        assert account.add(1).result(10) == before + 1


@WORKERS
def test_what_it_was_sent_is_done_before_it_ends(on, tmp_path):
    path = tmp_path / "lines"
    with weft.Actor(Writer, path, on=on) as writer:
        for each in range(20):
            writer.write(each)
    assert path.read_text().split() == [str(each) for each in range(20)]
    with pytest.raises(RuntimeError, match="has been closed"):
        writer.write(1)


class Writer:
    def __init__(self, path):
        self.path = path

    def write(self, value):
        time.sleep(0.002)
        with self.path.open("a") as file:
            file.write(f"{value}\n")


SCRIPT = """
import time
import weft

class Writer:
    def write(self, value):
        time.sleep(0.01)
        print(value, flush=True)

writer = weft.Actor(Writer)
for each in range(5):
    writer.write(each)
"""


def test_a_program_that_ends_ends_its_actors(tmp_path):
    """And what they were sent is done first; no guard is needed."""
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, list("01234"), "")


def test_who_drops_it_has_ended_it():
    account = weft.Actor(Account)
    pid = account.pid().result()
    del account
    with pytest.raises(ProcessLookupError):
        for _ in range(1000):
            os.kill(pid, 0)
            time.sleep(0.005)


def drop_it(account):
    del account  # the copy is not the one that has made it
    import gc

    gc.collect()


def test_a_fork_does_not_end_it_nor_answer_for_it():
    """Its copy of the actor is a handle like any other."""
    context = multiprocessing.get_context("fork")
    for on in ("process", "thread", "async"):
        with weft.Actor(Account, on=on) as account:
            process = context.Process(target=drop_it, args=(account,))
            process.start()
            process.join(30)
            process.close()
            assert account.add(1).result(10) == 1


def test_wrong_options_say_so():
    with pytest.raises(weft.BadOption, match="on must be"):
        weft.Actor(Account, on="ray")
    with pytest.raises(weft.BadOption, match="restarts must be"):
        weft.Actor(Account, restarts=-1)
    with pytest.raises(TypeError, match="must be a class"):
        weft.Actor(3)
    with weft.Actor(Account, on="serial") as account, pytest.raises(TypeError, match="stays where it was made"):
        account.__reduce__()


def test_an_actor_in_a_thread_that_ends_while_it_is_told_to(monkeypatch):
    """It may see that this is the end before it is rung for, and must not have put the bell away by then."""
    from weft._workers import actor as home

    finish, ring = threading.Event(), os.write

    def late(fd, data):
        finish.set()
        time.sleep(0.1)
        return ring(fd, data)

    account = weft.Actor(Waiting, finish, on="thread")
    waiting = account.wait()
    monkeypatch.setattr(home.os, "write", late)
    account.close()
    assert waiting.result()


class Waiting:
    def __init__(self, event):
        self.event = event

    def wait(self):
        return self.event.wait(30)


class Leaves:
    def leave(self, error):
        raise error

    async def cancel(self):
        sleeping = asyncio.ensure_future(asyncio.sleep(60))
        await asyncio.sleep(0)
        sleeping.cancel()
        await sleeping

    def fork(self):
        return os.fork() == 0 or os.getpid()

    def ok(self):
        return os.getpid()


@pytest.mark.parametrize("on", ["process", "thread"])
def test_whatever_a_method_raises_is_its_callers(on):
    """And no end of the actor."""
    with weft.Actor(Leaves, on=on) as actor:
        for error in (SystemExit(3), KeyboardInterrupt("not meant so"), GeneratorExit()):
            assert type(actor.leave(error).exception(20)) is type(error)
        assert actor.ok().result(20)


def test_an_await_that_was_cancelled_is_its_callers():
    with weft.Actor(Leaves) as actor:
        with pytest.raises(asyncio.CancelledError):
            actor.cancel().result(20)
        assert actor.ok().result(20)


def test_a_copy_of_an_actors_process_is_no_actor():
    """It ends when the method is back in it, and answers nobody."""
    with weft.Actor(Leaves) as actor:
        assert actor.fork().result(20) == actor.ok().result(20)
