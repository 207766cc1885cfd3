"""The progress bar, drawn into a string."""

from __future__ import annotations

import io
import re
import sys
import threading

import pytest

from weft._model.event import Advanced, Decided, Ended, Failed, Retrying, Started, Stats
from weft._model.noun import replace
from weft._model.outcome import Failure
from weft._model.plan import Plan
from weft._observe import progress
from weft._observe.progress import ProgressBar, wanted_by_default

PLAN = Plan("thread", 4, "asked for")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same size and abilities wherever the tests run."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("LINES", "40")


def text_of(stream: io.StringIO) -> str:
    """What was drawn, without colours and movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def drawn(*events: object, patience: float = 0.0, stream: io.StringIO | None = None) -> str:
    stream = Terminal() if stream is None else stream
    bar = ProgressBar(patience, stream)
    for event in events:
        bar(event)  # type: ignore[arg-type]
    return text_of(stream)


def test_it_shows_the_name_how_many_are_done_of_how_many_and_where() -> None:
    """What one wants to know of a run that takes long."""
    stats = Stats(done=1500, total=2000, seconds=3.0)
    text = drawn(Started("resize", 2000, PLAN), Decided(PLAN, "threads ×4"), Advanced(stats), Ended(stats))
    for part in ("resize", "1,500/2,000", "500/s", f"threads ×4: {PLAN.reason}"):
        assert part in text


def test_in_a_narrow_terminal_the_reason_is_what_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures come first."""
    monkeypatch.setenv("COLUMNS", "84")
    stats = Stats(done=1500, total=2000, seconds=3.0)
    plan = replace(PLAN, reason="it waits, and so on and so forth, for reasons that take a whole line to be told")
    text = drawn(Started("f", 2000, plan), Decided(plan, "threads ×4"), Ended(stats))
    for part in ("1,500/2,000", "500/s", "threads ×4", "…"):
        assert part in text
    assert "so forth" not in text


def test_failures_are_counted_once_there_are_any() -> None:
    """They should be seen before the end."""
    begun = Started("f", 10, PLAN)
    assert "failed" not in drawn(begun, Ended(Stats(done=10, total=10, seconds=1)))
    assert "3 failed" in drawn(begun, Ended(Stats(done=7, failed=3, total=10, seconds=1)))


def test_an_input_without_a_length_is_counted_without_a_total() -> None:
    """Generators are welcome."""
    text = drawn(Started("f", None, PLAN), Advanced(Stats(done=12)), Ended(Stats(done=12, seconds=1)))
    assert "12" in text
    assert "/" not in text.replace("/s", "")


def test_a_total_that_is_known_later_is_shown() -> None:
    """The input may have said less than it gives."""
    text = drawn(Started("f", None, PLAN), Ended(Stats(done=12, total=34, seconds=1)))
    assert "12/34" in text


def test_names_and_kinds_are_not_markup() -> None:
    """A function called ``[red]`` is called so."""
    assert "[red]f[/nonsense]" in drawn(Started("[red]f[/nonsense]", 1, PLAN), Ended(Stats(done=1, seconds=1)))


def test_a_run_that_is_over_soon_shows_nothing_and_leaves_no_thread() -> None:
    """Most runs are short, and a bar that flashes up is noise."""
    stream = Terminal()
    before = threading.active_count()
    text = drawn(Started("f", 1, PLAN), Advanced(Stats(done=1)), Ended(Stats(done=1)), patience=60.0, stream=stream)
    assert text == ""
    assert threading.active_count() == before


def test_a_run_that_lasts_shows_what_has_happened_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar comes up with the figures of now, without an event that calls for it."""
    timers: list[FakeTimer] = []

    class FakeTimer:
        daemon, name = False, ""

        def __init__(self, patience: float, then: object) -> None:
            self.patience, self.then = patience, then
            timers.append(self)

        def start(self) -> None: ...
        def cancel(self) -> None: ...
        def join(self) -> None: ...

    monkeypatch.setattr(progress.threading, "Timer", FakeTimer)
    stream = Terminal()
    bar = ProgressBar(1.0, stream)
    bar(Started("f", 10, PLAN))
    bar(Advanced(Stats(done=4, total=10)))
    assert text_of(stream) == ""
    [timer] = timers
    assert timer.patience == 1.0
    timer.then()  # type: ignore[operator]
    assert "4/10" in text_of(stream)
    bar(Ended(Stats(done=10, total=10, seconds=2)))
    assert "10/10" in text_of(stream)
    late = text_of(stream)
    timer.then()  # type: ignore[operator]
    assert text_of(stream) == late, "a timer that comes too late draws nothing"


def test_what_it_is_not_interested_in_changes_nothing() -> None:
    """Retries and single failures are for other observers; the figures come with the next chunk."""
    failure = Failure(0, 1, ValueError(), 1, "w")
    stream = Terminal()
    bar = ProgressBar(60.0, stream)
    bar(Retrying(0, 1, 0.1, OSError()))
    bar(Failed(failure))
    bar(Ended(Stats()))
    assert text_of(stream) == ""


@pytest.mark.parametrize(
    ("rate", "text"), [(0.01234, "0.012"), (1.0, "1"), (9.87, "9.9"), (12.3, "12"), (123456.7, "123,457")]
)
def test_rates_are_rounded_to_what_can_be_read(rate: float, text: str) -> None:
    """Two digits are enough."""
    assert progress._rounded(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599.9, "1:00:00"), (360000, "100:00:00")]
)
def test_time_left_is_shown_as_a_clock_does(seconds: float, text: str) -> None:
    """Rounded, and never 0:60."""
    assert progress._clock(seconds) == text


class Odd:
    """Stands where stderr was, as some test runners and services do."""


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize(
    ("stream", "wanted"), [(Terminal(), True), (io.StringIO(), False), (closed(), False), (Odd(), False)]
)
def test_a_bar_is_wanted_where_somebody_is_looking(stream: io.StringIO, wanted: bool) -> None:
    """In a terminal, and not in a log file."""
    assert wanted_by_default(stream) is wanted


def test_stderr_is_asked_and_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """``pythonw`` and some services have none."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert wanted_by_default()
    monkeypatch.setattr(sys, "stderr", None)
    assert not wanted_by_default()


@pytest.mark.parametrize(("stdout", "same"), [(io.StringIO(), True), (Terminal(), False)])
def test_what_is_printed_meanwhile_stays_out_of_the_bar(
    monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO, same: bool
) -> None:
    """In a terminal it is drawn above the bar; what is piped away goes down the pipe and not into the terminal."""
    monkeypatch.setattr(sys, "stdout", stdout)
    stream = Terminal()
    bar = ProgressBar(0.0, stream)
    bar(Started("resize", 20, PLAN))
    assert (sys.stdout is stdout) is same
    print("meanwhile")
    bar(Ended(Stats(done=20, total=20)))
    assert sys.stdout is stdout
    assert ("meanwhile" in text_of(stream)) is not same
    assert ("meanwhile" in stdout.getvalue()) is same
