"""How a worker process comes to be: by fork, from a server, as a new interpreter; and what it has of yours."""

import os
import string
import time

import weft

string.greeting = "hello"  # something that a module holds in this program's memory


def look(program):
    """What a worker finds in that module, and whether it was the program itself that has started it."""
    time.sleep(0.03)
    return getattr(string, "greeting", None), os.getppid() == program, os.getpid()


for method in ["fork", "forkserver", "spawn"]:  # fork first, while this program has no other thread
    run = weft.map(look, [os.getpid()] * 8, on="process", max_workers=2, start_method=method, chunksize=1)
    greetings, children, workers = zip(*run, strict=True)
    parent = "this program" if all(children) else "a server"
    memory = "what it held in memory" if set(greetings) == {"hello"} else "modules as they are on disk"
    print(f"{method:<10} {len(set(workers))} workers, started by {parent}, with {memory}")
