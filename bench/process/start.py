"""What starting costs: whole programs that import, run 4 tasks on 2 workers, and exit.

    python -m bench.process.start

Each program is written to a file of its own and run by a fresh interpreter, so that everything counts: imports,
the birth of the workers, and their end. The function is the program's own, as people write it. Goal: weft at least
1.7 times as fast as the standard library's ProcessPoolExecutor started in the same way (forkserver). The other start
methods are there for orientation, as is how long weft takes where the function can be imported.

Then, inside one program: what a start costs once weft is imported, cold, with the server there, and warm.
"""

from __future__ import annotations

import compileall
import importlib.util
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench._side_by_side import Times, machine, measure, median, parser, ratio, show, table

import weft

GOAL = 1.7

WEFT = """
import weft
def square(n):
    return n * n
assert list(weft.map(square, range(4), on="process", max_workers=2, start_method="{method}")) == [0, 1, 4, 9]
"""
IMPORTABLE = """
import math, weft
assert list(weft.map(math.sqrt, [4.0] * 4, on="process", max_workers=2)) == [2.0] * 4
"""
PPE = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
def square(n):
    return n * n
if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context("{method}")) as pool:
        assert list(pool.map(square, range(4))) == [0, 1, 4, 9]
"""
LOKY = """
from loky import ProcessPoolExecutor
def square(n):
    return n * n
if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(4))) == [0, 1, 4, 9]
"""
RAY = """
import ray
ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
@ray.remote
def square(n):
    return n * n
assert ray.get([square.remote(n) for n in range(4)]) == [0, 1, 4, 9]
"""
METHODS = ("forkserver", "fork", "spawn")
PROGRAMS = {
    "python -c pass": "pass",
    **{f"weft, {method}": WEFT.format(method=method) for method in METHODS},
    "weft, a function that can be imported": IMPORTABLE,
    **{f"ProcessPoolExecutor, {method}": PPE.format(method=method) for method in METHODS},
    **({"loky": LOKY} if importlib.util.find_spec("loky") else {}),
    **({"Ray": RAY} if importlib.util.find_spec("ray") else {}),
}

INSIDE = """
import json, time, weft
from weft._workers.kinds import stop_idle_workers
from weft._workers.supervisor import SUPERVISOR
def ask():
    began = time.perf_counter()
    assert list(weft.map(abs, range(4), on="process", max_workers=2, chunksize=1)) == [0, 1, 2, 3]
    return time.perf_counter() - began
weft.map(abs, [1], on="serial").results()
import weft._workers.process
took = {"two workers, nothing there": ask(), "warm": min(ask() for _ in range(9))}
def replaced():
    for worker in SUPERVISOR.idle:
        worker.kill()
    return ask()
took["two workers, the server there"] = min(replaced() for _ in range(9))
print(json.dumps(took))
"""


def run(file: Path) -> int:
    return subprocess.run([sys.executable, str(file)], check=False).returncode


def inside(rounds: int) -> Times:
    times: Times = {}
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", INSIDE], check=True, capture_output=True, text=True)
        for name, seconds in json.loads(done.stdout).items():
            times.setdefault(name, []).append(seconds)
    return times


def main() -> None:
    asked = parser(__doc__, rounds=11).parse_args()
    compileall.compile_dir(Path(weft.__file__).parent, quiet=1)  # as every installer does
    print(f"{machine()}; {asked.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for number, (name, text) in enumerate(PROGRAMS.items()):
            file = Path(folder) / f"program{number}.py"
            file.write_text(text)
            runs[name] = partial(run, file)
        times = measure(runs, asked.rounds, (0).__eq__)
    peer = "ProcessPoolExecutor, forkserver"
    show("Whole programs: import, 4 tasks on 2 workers, exit", times, peer=peer)
    bare = median(times["python -c pass"])
    rows = [[name, f"{(median(taken) - bare) * 1e3:.1f}"] for name, taken in times.items()]
    table("More than an interpreter that does nothing", ["", "ms"], rows[1:])
    show("Inside a program that has imported weft", inside(asked.rounds))
    faster = 1 / ratio(times, "weft, forkserver", peer)
    word = "met" if faster >= GOAL else "MISSED"
    print(f"\ngoal  {peer} / weft, forkserver: {faster:.2f} × (at least {GOAL} ×): {word}")


if __name__ == "__main__":
    main()
