"""How many at once: a climber before servers of every nature."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from weft._choose.climb import Climb, Window, worth
from weft._choose.climbing import Climbing
from weft._choose.cost import MOST_THREADS
from weft._model.outcome import Returned

ALONE = 0.01
Server = Callable[[int], tuple[float, float]]  # so many at once: seconds an item takes then, processors kept busy


def endless(width: int) -> tuple[float, float]:
    return ALONE, 0.0


def slots(count: int) -> Server:
    return lambda width: (ALONE * max(1.0, width / count), 0.0)


def bound_by_gil(share: float) -> Server:
    """An item computes for a *share* of its time."""
    return lambda width: (ALONE * max(1.0, width * share), min(1.0, width * share))


def climbed(server: Server, *, most: int = 512, start: int = 4, windows: int = 40, climb: Climb | None = None) -> Climb:
    climb = Climb(ALONE, start=start, most=most) if climb is None else climb
    for _ in range(windows):
        width = climb.width
        took, cpu = server(width)
        items = 2 * width
        climb.look(Window(items * took / width, items, items * took, cpu), None)
    return climb


@pytest.mark.parametrize(
    ("server", "least", "most"),
    [
        (endless, 512, 512),
        (slots(1), 1, 2),
        (slots(4), 4, 8),
        (slots(50), 50, 100),
        (bound_by_gil(0.1), 20, 36),
        (bound_by_gil(0.5), 4, 8),
    ],
)
def test_it_finds_what_the_server_bears(server: Server, least: int, most: int) -> None:
    """Where more would only wait for each other there are few more than that; for the processors three times."""
    assert least <= climbed(server).width <= most


@pytest.mark.parametrize("most", [1, 3, 100])
def test_there_are_never_more_than_may_be(most: int) -> None:
    """``max_workers`` is a promise."""
    assert climbed(endless, most=most).width == most


def test_no_more_than_there_are_items_left() -> None:
    """A worker without an item is worth nothing."""
    climb = Climb(ALONE, start=4, most=512)
    for _ in range(20):
        climb.look(Window(0.004, 0, 0.0, 0.0), 30)
    assert climb.width == 30


def test_before_anything_has_come_back_there_are_ever_more_while_nothing_is_computed() -> None:
    """A slow server says nothing for long: so many are tried, and no more."""
    climb = Climb(0.0, start=4, most=512, open=256)
    widths = []
    for _ in range(10):
        climb.look(Window(0.002, 0, 0.0, 0.1), None)
        widths.append(climb.width)
    assert widths[:4] == [16, 64, 256, 256]


def test_a_guess_that_was_too_low_is_left_while_nothing_is_computed() -> None:
    """What the first milliseconds of a slow request look like says little of the rest."""
    climb = Climb(0.0, start=4, most=512, open=16)
    widths = []
    for _ in range(40):
        climb.look(Window(0.002, 0, 0.0, 0.01), None)
        widths.append(climb.width)
    assert widths[:4] == [16, 16, 16, 16]
    assert (widths[9], widths[-1]) == (32, 256)
    busier = Climb(0.0, start=4, most=512, open=16)
    for _ in range(40):
        busier.look(Window(0.002, 0, 0.0, 0.3), None)
    assert busier.width == 16


def test_it_does_not_climb_while_the_processors_are_busy() -> None:
    """Work that was taken to wait may compute."""
    climb = Climb(0.0, start=4, most=512)
    for _ in range(10):
        climb.look(Window(0.002, 0, 0.0, 1.0), None)
    assert climb.width == 4


def test_it_does_not_climb_where_there_is_too_little_to_do() -> None:
    """A slow input keeps few busy."""
    climb = Climb(ALONE, start=4, most=512)
    for _ in range(10):
        climb.look(Window(0.01, 8, 8 * ALONE, 0.0, full=False), None)
    assert climb.width == 4


def test_a_server_that_slows_down_is_tried_with_more() -> None:
    """What takes twice as long needs twice as many for the same rate; if that helps they stay."""
    climb = climbed(slots(16))
    before = climb.width

    def slower(width: int) -> tuple[float, float]:
        return 4 * ALONE, 0.0

    assert climbed(slower, climb=climb).width >= 2 * before


def test_more_that_do_not_help_are_taken_back() -> None:
    """The server has become slower for everybody: a doubling earns nothing."""
    climb = climbed(slots(16))
    before = climb.width
    slow = climbed(lambda width: (4 * ALONE * max(1.0, width / 16), 0.0), climb=climb)
    assert slow.width <= before


def test_an_item_that_is_done_tells_how_many_to_begin_with() -> None:
    """It waited and did nothing else: so many more may be out until others have come back, and no more."""
    climb = Climb(0.0, start=4, most=512)
    climb.learn(ALONE, 64)
    assert climb.width == 64
    for _ in range(5):
        climb.look(Window(0.002, 0, 0.0, 0.0), None)
    assert climb.width == 64
    assert climbed(endless, climb=climb).width == 512


def test_more_threads_than_are_worth_their_start_are_not_wanted() -> None:
    """Three hundred items of 5 ms: a hundred threads and some are the best of both."""
    assert 100 <= worth(300, 0.005) <= 150
    assert worth(1, 1e-6) == 1
    assert worth(None, 1.0) == MOST_THREADS


@pytest.mark.parametrize(("computed", "width"), [(0.0, 128), (0.0005, 64), (0.001, 32), (0.002, 4)])
def test_the_first_item_that_is_back_says_how_many_there_may_be_at_once(computed: float, width: int) -> None:
    """What does nothing but wait bears many; what computes for an eighth of its time keeps the GIL busy with eight."""
    pilot = SimpleNamespace(now=lambda: 0.0, spent=lambda: 0.0, left=1000, due=0.0)
    climb = Climb(0.0, start=4, most=512, open=16)
    Climbing(pilot, "async", climb, None).ran(Returned(1, [None], "the caller", 0.008, cpu=computed))  # type: ignore[arg-type]
    assert climb.width == width
