"""Draws the pictures of the guide's patterns, each from the events of a run of its program; keeps what it printed.

    .venv/bin/python docs/_pictures.py            all of them
    .venv/bin/python docs/_pictures.py pool exit  some

A program of ``examples/`` is run as it stands; whoever listens is added from here.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import runpy
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from _timeline import Record, drawn

from weft import _engine, _flow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weft._model.options import Options
    from weft.abc import Observer, Span

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "patterns"


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes:
        program: The name of a program in ``examples/``.
        title: What the picture is called.
        runs: Which of the program's runs, by number, and what each is called; or, where the program has written down
            spans itself, because it is not runs that it shows, the name that it gives to their list.
    """

    program: str
    title: str
    runs: Mapping[int, str] | str = field(default_factory=lambda: {0: ""})


PICTURES: Final = {
    "pool": Picture("fractal.py", "120 lines of a picture on two processes"),
    "generic-pool": Picture("database.py", "Forty queries on two workers, each with a connection"),
    "pipeline": Picture("pipeline.py", "Coroutines fetch, processes parse, threads spread, filter and store"),
    "worklist": Picture("worklist.py", "A crawl that began with one page, by fifty coroutines"),
    "producer-consumer": Picture("producer_consumer.py", "Two threads read, two processes pack", "notes"),
    "pipe": Picture("channels.py", "Six arrays over a pipe, there and back", "notes"),
    "shared-data": Picture("shared_data.py", "One histogram, one lock; who has it first is killed with it", "notes"),
    "actors": Picture("actor.py", "Three that ask, and the actor that answers one after the other", "notes"),
    "task-groups": Picture("task_group.py", "Two groups of tasks; a failure ends the second", "notes"),
    "asyncio": Picture("asyncio_fetch.py", "A thousand requests, five hundred at once"),
    "start-methods": Picture(
        "start_methods.py",
        "Eight items of 30 ms on two new processes, by each start method",
        {0: "fork", 1: "forkserver", 2: "spawn"},
    ),
    "at-exit": Picture("at_exit.py", "A run of a thousand items, left after twenty results", {1: ""}),
    "three-ways": Picture(
        "three_ways.py",
        "The same work on other workers",
        {
            1: "a loop, computing",
            2: "two threads, computing",
            3: "two processes, computing",
            5: "ten threads, waiting",
            6: "two processes, waiting",
            7: "sixty coroutines, waiting",
        },
    ),
}


class Listening:
    """While it lasts, every run of this process is recorded, in the order in which they are made.

    Runs with a listener of their own are left alone: so are a pipeline's stages, whose pipeline tells of them.
    """

    def __init__(self) -> None:
        self.runs: list[Record] = []
        self._before = _engine.observers

    def __enter__(self) -> list[Record]:
        _engine.observers = _flow.observers = self._observers
        return self.runs

    def __exit__(self, *_: object) -> None:
        _engine.observers = _flow.observers = self._before

    def _observers(self, options: Options) -> Sequence[Observer]:
        found = list(self._before(options))
        if not callable(options.progress):
            self.runs.append(Record())
            found.append(self.runs[-1])
        return found


def draw(name: str) -> None:
    """Run the program of the picture, draw it."""
    picture = PICTURES[name]
    printed = io.StringIO()
    with Listening() as runs, contextlib.redirect_stdout(printed):
        names = runpy.run_path(str(ROOT / "examples" / picture.program), run_name="__main__")
    processors, version = len(os.sched_getaffinity(0)), platform.python_version()
    source = f"One run of examples/{picture.program} on {processors} processors, Python {version}"
    if isinstance(picture.runs, str):
        panels = [("", Record(spans=from_the_first(names[picture.runs])))]
    else:
        panels = [(heading, runs[number]) for number, heading in picture.runs.items()]
    (FOLDER / f"{Path(picture.program).stem}.txt").write_text(printed.getvalue(), encoding="utf-8")
    (FOLDER / f"{name}.svg").write_text(drawn(picture.title, panels, source), encoding="utf-8")


def from_the_first(spans: Sequence[Span]) -> list[Span]:
    """The same as if time had begun with the first of them."""
    first = min(span.began for span in spans)
    return [replace(span, began=span.began - first) for span in spans]


def main(names: Sequence[str]) -> None:
    """Draw each in a process of its own: nobody finds workers that another has warmed."""
    if len(names) == 1:
        draw(names[0])
        return
    for name in names or PICTURES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
