"""The progress bar: done, failed, rate, time left. One renderer for terminals, notebooks and the command line."""

from __future__ import annotations

import sys
import threading
from time import monotonic

from .._model.event import Advanced, Decided, Ended, Event, Started, Stats
from .._model.locks import Lock
from ..errors import MissingPackage
from .notebook import NotebookCanvas, in_notebook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TextIO

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

# A run that is over sooner is not worth a bar.
PATIENCE: Final = 1.0  # seconds

SMOOTHING: Final = 0.3  # weight of the newest rate
RATE_EVERY: Final = 0.2  # seconds between two measurements of the rate


def wanted_by_default(stream: TextIO | None = None) -> bool:
    """Whether somebody is looking: stderr is a terminal, or this is a notebook."""
    return in_notebook() or _is_terminal(sys.stderr if stream is None else stream)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (ValueError, AttributeError):  # closed, or not quite a file
        return False


class ProgressBar:
    """An observer that draws a bar on stderr.

    Args:
        patience: Seconds before it appears; a run that ends sooner shows none.
        stream: Where to draw; stderr by default.
    """

    def __init__(self, patience: float = PATIENCE, stream: TextIO | None = None) -> None:
        self._patience, self._stream = patience, stream
        self._lock = Lock()
        self._timer: threading.Timer | None = None
        self._bar: RichProgress | None = None
        self._canvas: NotebookCanvas | None = None  # in a notebook, where the bar does not draw itself
        self._task: TaskID | None = None
        self._name = ""
        self._kind = ""
        self._stats = Stats()
        self._rate = 0.0
        self._measured = (0.0, 0)
        self._ended = False

    def __call__(self, event: Event, /) -> None:
        """Draw what changed."""
        match event:
            case Started(name=name, total=total, plan=plan, line=line):
                self._name, self._kind, self._stats = name, line or plan.kind, Stats(total=total)
                self._measured = (monotonic(), 0)
                self._begin()
            case Decided(plan=plan, line=line):
                self._kind = f"{line or plan.kind}: {plan.reason}"
            case Advanced(stats=stats):
                self._stats = stats
                self._measure()
            case Ended(stats=stats):
                self._stats = stats
                return self._end()
            case _:
                return None
        return self._draw()

    def _begin(self) -> None:
        if self._patience <= 0:
            self._show()
            return
        self._timer = threading.Timer(self._patience, self._show)
        self._timer.daemon = True
        self._timer.name = "weft-progress"
        self._timer.start()

    def _measure(self) -> None:
        then, before = self._measured
        now, finished = monotonic(), self._stats.done + self._stats.failed
        if now - then >= RATE_EVERY:
            rate = (finished - before) / (now - then)
            self._rate = SMOOTHING * rate + (1 - SMOOTHING) * self._rate if self._rate else rate
            self._measured = (now, finished)

    def _show(self) -> None:
        with self._lock:
            if self._ended or self._bar is not None:
                return
            bar = _make_bar(self._stream)
            self._task = bar.add_task(self._name, total=self._stats.total, **self._columns())
            if self._stream is None and in_notebook():
                self._canvas = NotebookCanvas(bar)
                self._canvas.start()
            else:
                bar.start()
            self._bar = bar
        self._draw()

    def _draw(self) -> None:
        with self._lock:
            if self._bar is not None and self._task is not None:
                finished = self._stats.done + self._stats.failed
                self._bar.update(self._task, completed=finished, total=self._stats.total, **self._columns())
                if self._canvas is not None:
                    self._canvas.refresh()

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            timer, bar = self._timer, self._bar
            if bar is not None and self._task is not None:
                finished = self._stats.done + self._stats.failed
                mean = finished / self._stats.seconds if self._stats.seconds else 0.0
                self._rate = mean  # at the end the mean is what counts
                bar.update(self._task, completed=finished, total=self._stats.total, **self._columns())
        if timer is not None:
            timer.cancel()
            if timer is not threading.current_thread():
                timer.join()
        if self._canvas is not None:
            self._canvas.stop()
        elif bar is not None:
            bar.stop()

    def _columns(self) -> dict[str, Any]:
        stats = self._stats
        total = "" if stats.total is None else f"/{stats.total:,}"
        left = "" if stats.total is None or not self._rate else _clock(self._left())
        return {
            "kind": self._kind,
            "count": f"{stats.done:,}{total}",
            "failed": f"{stats.failed:,} failed" if stats.failed else "",
            "rate": f"{_rounded(self._rate)}/s" if self._rate else "",
            "left": f"{left} left" if left and not self._ended else "",
        }

    def _left(self) -> float:
        stats = self._stats
        return max(0, (stats.total or 0) - stats.done - stats.failed) / self._rate


def _make_bar(stream: TextIO | None) -> RichProgress:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Column
    except ImportError as error:
        raise MissingPackage("the progress bar", "rich", "all") from error
    rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)  # what the others leave of the line
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[count]}"),
        TextColumn("[red]{task.fields[failed]}"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("[cyan]{task.fields[left]}"),
        TextColumn("{task.fields[kind]}", style="dim", markup=False, table_column=rest),
        console=Console(file=stream, stderr=stream is None),
        refresh_per_second=8,
        expand=True,
        redirect_stdout=_is_terminal(sys.stdout),  # what is piped away stays out of the terminal
    )


def _rounded(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
