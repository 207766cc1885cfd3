"""Producers and consumers of different kinds on one channel, a pipe to talk over, and a worker that is killed."""

import hashlib
import multiprocessing
import os
import signal

import numpy as np

import weft


def produce(jobs, first, last):
    """Something that makes work."""
    for n in range(first, last):
        jobs.put(n)


def digest(jobs, done):
    """Something that computes; it ends when the channel does, and needs no sentinel for that."""
    for n in jobs:
        done.put((n, hashlib.sha256(str(n).encode()).hexdigest()[:8]))
        jobs.task_done()


async def collect(done):
    """Something that waits, in an event loop."""
    return {n: text async for n, text in done}


jobs, done = weft.Channel(maxsize=50), weft.Channel()
with weft.TaskGroup() as group:
    producers = [group.submit(produce, jobs, n, n + 250, on="thread") for n in (0, 250)]
    workers = [group.submit(digest, jobs, done, on="process") for _ in range(2)]
    found = group.submit(collect, done, on="async")
    for producer in producers:
        producer.result()
    jobs.shutdown()
    for worker in workers:
        worker.result()
    done.shutdown()
print(f"{len(found.result())} digests, 0 is {found.result()[0]}")


def double(end):
    """The other side of a pipe."""
    try:
        while True:
            end.send(end.recv() * 2)
    except EOFError:
        pass  # this side has closed its end


here, there = weft.Pipe()
answers = weft.submit(double, there, on="process")
here.send(np.arange(1_000_000))  # through shared memory, as it is large
print(f"twice a million numbers: {here.recv().sum():,}")
here.close()
answers.result()


def take_and_die(jobs):
    """What a crash in the middle of the work looks like."""
    jobs.get()
    os.kill(os.getpid(), signal.SIGKILL)


jobs = weft.Channel()
for n in range(3):
    jobs.put(n)
process = multiprocessing.get_context("fork").Process(target=take_and_die, args=(jobs,))
process.start()
process.join()
while not jobs.empty():
    print(f"item {jobs.get()} is there")
    jobs.task_done()
try:
    jobs.join()
except weft.errors.ItemLost as error:
    print(error)
