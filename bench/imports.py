"""What `import weft` costs: whole interpreters, started and ended, with and without it.

Goal: less than 40 ms more than `python -c pass`, and none of multiprocessing, asyncio, sqlite3, rich and numpy
loaded. weft loads its rooms when they are first used, so the same is measured for a name that does work
(`weft.map`) and for a first result; and for two of the standard library's own pools. The dearest modules are
listed by their own time, from `python -X importtime`.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from _side_by_side import goal, machine, measure, median, parser, show, table

HEAVY = ("multiprocessing", "asyncio", "sqlite3", "rich", "numpy")
PROGRAMS = {
    "pass": "pass",
    "import weft": "import weft",
    "import weft; weft.map": "import weft; weft.map",
    "first result, on='serial'": "import weft; list(weft.map(abs, [1], on='serial'))",
    "import concurrent.futures.thread": "import concurrent.futures.thread",
    "import concurrent.futures.process": "import concurrent.futures.process",
}


def main() -> None:
    asked = parser(__doc__, rounds=25).parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    times = measure(
        {name: partial(interpret, "-c", program) for name, program in PROGRAMS.items()},
        asked.rounds,
        lambda done: done.returncode == 0,
        warmups=2,
    )
    show("Whole processes", times, peer="pass")
    more = {name: (median(taken) - median(times["pass"])) * 1e3 for name, taken in times.items()}
    rows = [[name, f"{ms:.1f}"] for name, ms in more.items() if name != "pass"]
    table("More than `pass`", ["", "ms"], rows)

    rows = []
    for name in ("import weft", "import weft; weft.map", "first result, on='serial'"):
        loaded = heavy(PROGRAMS[name])
        rows.append([name, ", ".join(loaded) or "none"])
    table(f"Loaded of {', '.join(HEAVY)}", ["", "modules"], rows)
    for name in ("import weft", "import weft; weft.map"):
        table(f"{name}: the ten dearest modules, by their own time", ["", "µs"], dearest(PROGRAMS[name])[:10])

    print()
    goal("import weft", more["import weft"], 40, "ms")
    goal("import weft; weft.map", more["import weft; weft.map"], 40, "ms")
    goal("heavy modules after import weft", len(heavy(PROGRAMS["import weft"])), 0, "modules")
    goal("heavy modules after weft.map", len(heavy(PROGRAMS["import weft; weft.map"])), 0, "modules")


def interpret(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)


def heavy(program: str) -> list[str]:
    """Which of HEAVY are loaded after *program*."""
    done = interpret("-c", f"{program}\nimport sys; print(*sorted(set(sys.modules) & set({HEAVY!r})))")
    return done.stdout.split()


def dearest(program: str) -> list[list[str]]:
    """The modules that *program* loads beyond those that `pass` does, and the microseconds each takes alone."""
    bare = {name for name, _ in own_times("pass")}
    modules = sorted(own_times(program), key=lambda module: -module[1])
    return [[name, str(micros)] for name, micros in modules if name not in bare]


def own_times(program: str) -> list[tuple[str, int]]:
    lines = interpret("-X", "importtime", "-c", program).stderr.splitlines()[1:]
    parts = [line.removeprefix("import time:").split("|") for line in lines]
    return [(name.strip(), int(own)) for own, _, name in parts]


if __name__ == "__main__":
    main()
