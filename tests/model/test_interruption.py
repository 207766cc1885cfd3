"""Ctrl-C waits where something would be lost, and comes at once where somebody waits."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from weft._model.interruption import INSISTS, interruptible, uninterrupted


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """What the program's own handler has heard, which raises nothing."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGINT, before)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_it_comes_at_the_end_of_the_outermost_block(heard: list[int]) -> None:
    with uninterrupted:
        with uninterrupted:
            press()
        assert heard == []
    assert heard == [signal.SIGINT]


def test_once_however_often_it_was_pressed(heard: list[int]) -> None:
    with uninterrupted:
        press()
        press()
    assert len(heard) == 1
    with uninterrupted:
        pass
    assert len(heard) == 1


def test_an_event_loop_hears_of_it_once(heard: list[int]) -> None:
    """It is told by the system, and not by the handler that was replaced."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write)
    try:
        with uninterrupted:
            press()
            with interruptible:
                press()
            press()
        assert len(heard) == 3
        assert os.read(read, 99) == bytes([signal.SIGINT] * 3)
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)


def test_it_comes_at_once_where_somebody_waits_and_before_if_it_was_there(heard: list[int]) -> None:
    with uninterrupted:
        press()
        with interruptible:
            assert len(heard) == 1
            press()
            assert len(heard) == 2
        press()
        assert len(heard) == 2
    assert len(heard) == 3


def test_what_waits_may_have_blocks_of_its_own(heard: list[int]) -> None:
    with uninterrupted, interruptible:
        with uninterrupted:
            press()
            assert heard == []
        assert len(heard) == 1
        press()
        assert len(heard) == 2


def test_the_wait_is_over_when_it_raises() -> None:
    """What is done on the way out is in peace."""
    cleaned = []
    with pytest.raises(KeyboardInterrupt), uninterrupted:
        try:
            with interruptible:
                press()
        finally:
            press()
            cleaned.append(True)
    assert cleaned
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_programs_own_handler_is_there_again(heard: list[int]) -> None:
    own = signal.getsignal(signal.SIGINT)
    with uninterrupted:
        assert signal.getsignal(signal.SIGINT) is not own
    assert signal.getsignal(signal.SIGINT) is own
    press()
    assert len(heard) == 1


def test_so_does_an_alarm(heard: list[int]) -> None:
    """Also beside Ctrl-C, neither of which is lost, and where Ctrl-C is ignored."""

    def own(number: int, _: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGALRM, own)
    try:
        with uninterrupted:
            signal.raise_signal(signal.SIGALRM)
            press()
            assert heard == []
            with interruptible:
                assert sorted(heard) == [signal.SIGINT, signal.SIGALRM]
        assert len(heard) == 2
        assert signal.getsignal(signal.SIGALRM) is own
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        with uninterrupted:
            signal.raise_signal(signal.SIGALRM)
            assert len(heard) == 2
        assert heard[2:] == [signal.SIGALRM]
        signal.signal(signal.SIGINT, interrupt)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_neither_is_lost_if_the_other_raises(heard: list[int]) -> None:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    try:
        with pytest.raises(TimeoutError), uninterrupted:
            signal.raise_signal(signal.SIGALRM)
            press()
        with uninterrupted:
            pass
        assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_one_that_is_set_meanwhile_stays(heard: list[int]) -> None:
    with uninterrupted:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_nothing_changes_where_it_is_ignored(heard: list[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with uninterrupted, interruptible:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        press()
    assert heard == []


def test_nor_in_another_thread(heard: list[int]) -> None:
    """It is the main thread that hears it, whatever another one is in the midst of."""
    inside, over = threading.Event(), threading.Event()

    def other() -> None:
        with uninterrupted:
            inside.set()
            over.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    press()
    assert len(heard) == 1
    with uninterrupted:
        over.set()
        thread.join(10)
        press()
        assert len(heard) == 1
    assert len(heard) == 2


def test_who_insists_is_not_kept_waiting(heard: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Something hangs where nothing should."""
    times = iter([100.0, 100.0 + INSISTS / 2, 100.0 + 1.1 * INSISTS])
    monkeypatch.setattr("weft._model.interruption.monotonic", lambda: next(times))
    with uninterrupted:
        press()
        press()
        assert heard == []
        press()
        assert len(heard) == 1
    assert len(heard) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_copy_of_the_process_is_in_none_of_these_blocks(heard: list[int]) -> None:
    own = signal.getsignal(signal.SIGINT)
    with uninterrupted:
        pid = os.fork()
        if not pid:
            press()
            os._exit(0 if len(heard) == 1 and signal.getsignal(signal.SIGINT) is own else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
