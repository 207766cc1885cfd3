"""What happens to work that runs when its program ends; each program here is a few lines and a process of its own."""

import os
import signal
import subprocess
import sys
import time

import weft

WORK = """
import threading, time
import weft
def work(seconds=0.2):
    time.sleep(seconds)
    print("done,", end=" ", flush=True)
    return seconds
"""

PROGRAMS = {
    "a daemon thread": "threading.Thread(target=work, daemon=True).start()",
    "a thread": "threading.Thread(target=work).start()",
    "weft.submit to a thread": "weft.submit(work, on='thread')",
    "weft.submit to a process": "weft.submit(work, on='process')",
    "a run, left early": "next(iter(weft.map(work, [0.1, 5, 5], on='process', max_workers=2)))",
    "the same on threads": "next(iter(weft.map(work, [0.1, 5, 5], on='thread', max_workers=2)))",
}


def printed(lines):
    """What a program has printed when it is over."""
    child = subprocess.run([sys.executable, "-c", WORK + lines], capture_output=True, text=True, check=True)
    return child.stdout.strip(", ") or "nothing was done"


for name, said in zip(PROGRAMS, weft.map(printed, PROGRAMS.values(), on="thread", max_workers=3), strict=True):
    print(f"{name + ':':<26}{said}")

# Whatever kills a program, its workers end with it.
ENDLESS = """
import os, time, weft
def endless(_):
    print(os.getpid(), flush=True)
    time.sleep(60)
weft.map(endless, range(2), on="process", max_workers=2).results()
"""
with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as program:
    workers = [int(program.stdout.readline()) for _ in range(2)]
    program.send_signal(signal.SIGKILL)
    program.wait()


def is_there(pid):
    """Whether a process lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


ending = time.monotonic() + 5
while any(map(is_there, workers)) and time.monotonic() < ending:
    time.sleep(0.01)
print(f"two processes, the program killed: {sum(map(is_there, workers))} are left")

# The same from inside: what comes before the end is there, and what runs then is dropped.
run = weft.map(time.sleep, [0.02] * 1000, on="thread", max_workers=4)
with run:
    for number, _ in enumerate(run):
        if number == 19:
            break
print(f"left after twenty of a thousand: {run.stats.done < 100}")
