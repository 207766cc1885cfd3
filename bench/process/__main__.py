"""All programs of this folder, one after another, and one table of goals and figures at the end.

    python -m bench.process                 all of them; some twenty minutes
    python -m bench.process calls tiny      these
    python -m bench.process --rounds 2      a first look
    python -m bench.process --show          the table of the last run, in Markdown

What was measured is kept in bench/out/process.json; a run of some programs replaces only what those measure.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench._side_by_side import machine, table

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUT = HERE.parent / "out" / "process.json"

# What goal() and goal_at_least() print.
GOAL = re.compile(
    r"^goal  (?P<what>.+): (?P<figure>-?[\d.]+) (?P<unit>.+?) "
    r"\((?P<side>at most|at least) (?P<limit>[\d.e+]+) .+\): (?P<word>\w+)$"
)
HEAD = ["program", "what", "measured", "goal", ""]


def programs() -> list[str]:
    """Those there are, by name."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def run(program: str, arguments: list[str]) -> dict[str, Any]:
    """Run one, show what it prints as it comes, keep its goals."""
    print(f"\n━━ {program}", flush=True)
    began, goals = time.perf_counter(), []
    command = [sys.executable, "-u", "-m", f"bench.process.{program}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            if found := GOAL.match(line.rstrip()):
                goals.append(found.groupdict())
    if running.returncode:
        print(f"{program} ended with {running.returncode}")
    seconds = round(time.perf_counter() - began)
    return {"status": running.returncode, "seconds": seconds, "machine": machine(), "goals": goals}


def rows(measured: dict[str, Any]) -> Iterator[list[str]]:
    for program, found in sorted(measured.items()):
        if found["status"]:
            yield [program, "", "failed", "", ""]
        for goal in found["goals"]:
            figures = [f"{goal[what]} {goal['unit']}" for what in ("figure", "limit")]
            yield [program, goal["what"], figures[0], f"{goal['side']} {figures[1]}", goal["word"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(programs())}")
    parser.add_argument("--rounds", type=int, help="measurements of each, instead of what each program thinks right")
    parser.add_argument("--show", action="store_true", help="run nothing; print the last table, in Markdown")
    asked = parser.parse_args()
    if unknown := set(asked.programs) - set(programs()):
        parser.error(f"there is no {', '.join(sorted(unknown))}: there are {', '.join(programs())}")
    measured: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    if asked.show:
        for row in [HEAD, ["---"] * len(HEAD), *rows(measured)]:
            print(f"| {' | '.join(row)} |")
        return
    for program in asked.programs or programs():
        measured[program] = run(program, [] if asked.rounds is None else ["--rounds", str(asked.rounds)])
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    table(f"All goals; {machine()}", HEAD, list(rows(measured)))


if __name__ == "__main__":
    main()
