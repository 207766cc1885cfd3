"""Channels while producers and consumers are killed at random moments, and when whole programs are."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from pathlib import Path

import pytest

PROGRAM = """
import multiprocessing, os, random, signal, struct, sys, time
import numpy as np
import weft

RECORD = struct.Struct("<cQ7x")  # begun, put or got, and the item; none lies on two pages, where a kill leaves half

def produce(channel, log, who, size):
    for n in range(1 << 30):
        item = who << 32 | n
        os.write(log, RECORD.pack(b"b", item))
        if size == "bare":
            channel.put(item.to_bytes(8, "little") * 20_000 if n % 3 == 0 else item)
        else:
            channel.put((item, np.full(30_000, n)) if size == "large" and n % 3 == 0 else (item, None))
        os.write(log, RECORD.pack(b"p", item))

def consume(channel, log):
    for found in channel:
        item, array = found if type(found) is tuple else (found, None)
        if type(item) is bytes:
            whole, item = item, int.from_bytes(item[:8], "little")
            if whole != whole[:8] * 20_000:
                os.write(log, RECORD.pack(b"!", item))
        if array is not None and not (array == (item & 0xFFFFFFFF)).all():
            os.write(log, RECORD.pack(b"!", item))
        os.write(log, RECORD.pack(b"g", item))

if __name__ == "__main__":
    method, seed, most, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    chance, context = random.Random(seed), multiprocessing.get_context(method)
    channel = weft.Channel(most)
    kinds = {"producer": [], "consumer": []}
    killed = {"producer": 0, "consumer": 0}

    def start(kind):
        who = sum(killed.values()) + sum(map(len, kinds.values())) + 1
        arguments = ("log", who, size) if kind == "producer" else ("log",)
        process = context.Process(target=begin, args=(kind, channel, *arguments))
        process.start()
        kinds[kind].append(process)

    def kill(kind):
        process = kinds[kind].pop(chance.randrange(len(kinds[kind])))
        process.kill()
        process.join()
        killed[kind] += 1

    def logged():
        return os.path.getsize("log") if os.path.exists("log") else 0

    def end():
        for _ in range(2):
            start("producer"), start("consumer")
        for _ in range(30 if method == "fork" else 6):
            seen = logged()
            while logged() == seen:  # until something goes through
                time.sleep(0.01)
            time.sleep(chance.random() * (0.05 if method == "fork" else 0.3))
            kind = chance.choice(list(kinds))
            kill(kind)
            start(kind)
        while kinds["producer"]:
            kill("producer")
        channel.shutdown()
        for process in kinds["consumer"]:
            process.join(60)
            assert process.exitcode == 0, process.exitcode
        print(killed["consumer"], channel.qsize())

    end()
"""

BEGIN = """
def begin(kind, channel, path, *rest):
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    (produce if kind == "producer" else consume)(channel, log, *rest)

"""


@pytest.mark.parametrize(
    ("method", "most", "size"),
    [
        ("fork", 0, "small"),
        ("fork", 5, "small"),
        ("fork", 5, "large"),
        ("fork", 5, "bare"),
        ("forkserver", 5, "large"),
        ("spawn", 5, "large"),
    ],
)
def test_what_was_put_is_got_once_whoever_is_killed_and_whenever(start, tmp_path, method, most, size):
    """Nothing twice, nothing broken, nothing that was never put; only what a consumer had in hand is missing."""
    (tmp_path / "program.py").write_text(
        PROGRAM.replace('if __name__ == "__main__":', BEGIN + 'if __name__ == "__main__":', 1)
    )
    seed = random.randrange(1 << 30)
    program = start(words=["program.py", method, str(seed), str(most), size])
    died, left = map(int, program.end(100.0).out.split())
    begun, put, got = set(), set(), []
    for what, item in struct.iter_unpack("<cQ7x", Path(tmp_path / "log").read_bytes()):
        {b"b": begun.add, b"p": put.add, b"g": got.append}[what](item)
    assert left == 0
    assert len(got) == len(set(got)), f"twice, with seed {seed}"
    assert set(got) <= begun
    assert len(put - set(got)) <= died, f"lost, with seed {seed}"
    assert got


OWNER = """
import multiprocessing, os, time
import weft

def wait(channel):
    open(f"waits-{os.getpid()}", "w").close()
    try:
        channel.get()
    except weft.errors.ChannelBroken as error:
        open(f"told-{os.getpid()}", "w").close()

if __name__ == "__main__":
    channel = weft.Channel()
    for method in ("fork", "spawn"):
        multiprocessing.get_context(method).Process(target=wait, args=(channel,)).start()
    time.sleep(60)
"""


def test_when_the_program_is_killed_those_who_wait_end_and_nothing_is_left(start, without_others):
    """No process that waits for ever, nothing in /dev/shm."""
    before = set(os.listdir("/dev/shm"))
    program = start(OWNER)
    program.wait_for("waits", 2)
    time.sleep(0.2)
    program.send(signal.SIGKILL)
    program.end(clean=False)
    assert program.marks("told") == 2
    assert not without_others({name for name in set(os.listdir("/dev/shm")) - before if not name.startswith("sem.")})


INTERRUPTED = """
import threading, weft
channel = weft.Channel()
channel._share()
open("waits", "w").close()
try:
    channel.get()
except KeyboardInterrupt:
    channel.put(1)
    print(channel.get(), "and goes on")
"""


def test_ctrl_c_ends_a_wait(start):
    """At once, and the channel is as it was."""
    program = start(INTERRUPTED)
    program.wait_for("waits")
    time.sleep(0.3)
    program.interrupt()
    assert program.end().out == "1 and goes on\n"
