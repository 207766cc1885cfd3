"""Processes that are there at once begin before it is known who holds the GIL: whole runs of simulated work."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from weft._choose.gain import Spread
from weft._choose.handover import AT_ONCE
from weft._choose.looking import WRITTEN
from weft._choose.machine import Machine
from weft._choose.record import Record
from weft._choose.signals import Offer, Signals
from weft._choose.trying import Trying
from weft._model.measured import Freight, Glance
from weft._model.outcome import Returned
from weft.testing import ManualClock

from .test_pilot import NAP, Item, Run, World, run_of

SPIN = Item(computes=0.003)
FREE = Item(computes=0.003, held=0.0)
WARM = 0.002  # seconds until processes are there
LISTENS = 0.015  # seconds until it is known who holds the GIL


def began(run: Run) -> float:
    """When others were first asked for."""
    return run.changes_at[0]


def test_what_plainly_computes_does_not_wait_for_the_gil() -> None:
    """The caller has run two items, and the other processor has nothing to do."""
    warm = run_of(*[SPIN] * 100, starts=WARM, tells=LISTENS)
    cold = run_of(*[SPIN] * 100, starts=0.05, tells=LISTENS)
    assert warm.decided == ["process"]
    assert began(warm) < LISTENS < began(cold)
    assert warm.results == [SPIN] * 100


def test_the_caller_does_two_items_before_that_and_not_a_chunk_of_them() -> None:
    """Its second chunk would have three of them: the other processor would have nothing to do for another one."""
    assert began(run_of(*[SPIN] * 100, starts=WARM, tells=LISTENS)) < 2.5 * 0.003


def test_it_is_looked_at_as_soon_as_the_caller_is_back() -> None:
    """It was looked at half a millisecond before, in vain; another item would be one too many."""
    first, short = Item(computes=0.0021), Item(computes=0.0006)
    assert began(run_of(first, *[short] * 500, starts=WARM, tells=LISTENS)) < 0.003


def test_beside_threads_of_a_library_it_is_waited_until_their_work_shows() -> None:
    """The system writes down late what they compute; processes beside them would be in their way."""
    run = run_of(*[SPIN] * 100, starts=WARM, tells=2 * WRITTEN, libraries=True)
    assert WRITTEN <= began(run) < 2 * WRITTEN


@pytest.mark.parametrize(("item", "count"), [(Item(computes=1e-7), 200_000), (Item(computes=0.001, waits=0.0005), 60)])
def test_the_callers_chunks_are_not_cut_again_and_again(item: Item, count: int) -> None:
    """Enough has been seen, and nobody begins: a million short items, cut at each look, took thirty times as long."""
    run = run_of(*[item] * count, starts=WARM, tells=1.0)
    assert run.caller.hurries <= 8


def test_who_listens_has_less_to_hear_then() -> None:
    """Whoever holds the GIL, it stays with processes, and the caller is slower beside one who listens."""
    early = run_of(*[SPIN] * 100, starts=WARM, tells=LISTENS)
    late = run_of(*[SPIN] * 100, starts=0.05, tells=LISTENS)
    assert [pulse.hurried for pulse in early.pulses] == [True]
    assert not any(pulse.hurried for pulse in late.pulses)


def test_the_callers_processor_is_left_to_it_until_then() -> None:
    """Who listens would wait for a processor too, and could not tell that from the GIL."""
    run = run_of(*[SPIN] * 100, starts=WARM, tells=LISTENS)
    assert run.widths[0] == 1
    assert run.widths[-1] == 2
    assert len(run.made) == 1  # they are the same


def test_threads_have_to_promise_more_than_processes_that_work_already() -> None:
    """A tenth more: they may be in each other's way, which nobody knows before they are tried."""
    assert run_of(*[FREE] * 100, starts=WARM, tells=LISTENS).decided == ["process"]
    assert run_of(*[FREE] * 100, starts=0.05, tells=LISTENS).decided == ["thread"]


def test_what_is_dear_to_send_waits() -> None:
    """If the GIL is free, it goes to threads: to send it at a venture would be for nothing."""
    run = run_of(*[FREE] * 100, starts=WARM, tells=LISTENS, freight=Freight(0.0, 0.0008, 1e6))
    assert run.decided == ["thread"]


def test_a_process_is_not_forked_beside_the_thread_that_listens() -> None:
    """A fork has only the thread that forked, and whatever another held at that moment is held there for ever."""
    run = Run(World([SPIN] * 100, starts=WARM, tells=LISTENS))
    run.forks = True
    assert began(run.go()) > LISTENS


def test_what_must_stay_never_begins_elsewhere() -> None:
    """It is asked first, and once."""
    run = run_of(*[SPIN] * 100, starts=WARM, tells=LISTENS, why_stay="it has a lock")
    assert run.decided == ["serial"]
    assert not run.made
    assert run.asked_to_stay == 1


def test_what_is_seen_to_change_something_after_all_is_taken_back() -> None:
    """The caller goes on meanwhile, and what its items changed is looked at again when it is decided."""
    run = run_of(*[SPIN] * 100, starts=WARM, tells=LISTENS, witnessed="the first items changed 'seen'")
    assert run.decided == ["process", "serial"]
    assert run.results == [SPIN] * 100
    refused = {row["kind"]: row["why_not"] for row in run.record.rows()}
    assert refused["process"] == "the first items changed 'seen'"


@pytest.mark.parametrize("item", [NAP, Item(waits=0.002, computes=0.002)])
def test_what_may_wait_does_not_begin_early(item: Item) -> None:
    """It may be threads that it goes to."""
    run = run_of(*[item] * 60, starts=WARM, tells=LISTENS)
    assert run.decided[0] == "thread" or began(run) > LISTENS


def test_what_has_not_been_done_twice_does_not_begin_early() -> None:
    """What the function changes is seen when it has run."""
    long = Item(computes=0.02)
    run = run_of(*[long] * 60, starts=WARM, tells=LISTENS)
    assert began(run) > LISTENS


@pytest.mark.parametrize(("items", "given_up"), [(300, True), (3000, False)])
def test_processes_that_do_next_to_nothing_are_soon_given_up(items: int, given_up: bool) -> None:
    """They print, and every line costs them a system call; the caller does nothing meanwhile."""
    clock, doubts = ManualClock(), []
    began_at = clock()
    pilot = SimpleNamespace(
        now=clock,
        spent=lambda: 0.0,
        left=None,
        house=SimpleNamespace(machine=Machine(2, 2, 2, None, gil=True), started=lambda seconds: None),
        crews=SimpleNamespace(others=SimpleNamespace(width=2, together=1), out=4, leaving=False),
        spread=Spread(),
        record=Record(),
        sparing=False,
        proofs=2,
        waits=0.3,
        doubt=lambda offer, work: doubts.append(clock()),
        past=SimpleNamespace(tell=lambda same: None, measured=lambda *given: None),
        keep=lambda: None,
    )
    signals = Signals(2e-6, 1.0, 1.0, done=10_000, left=200_000)
    trial = Trying(pilot, Offer("process", 2, 1e6), signals)  # type: ignore[arg-type]
    for _ in range(6):
        clock.advance(0.005)
        for worker in ("one", "other"):
            trial.heard(Returned(1, [None] * items, worker, 0.005, cpu=0.005))
        trial.look(clock())
    assert bool(doubts) is given_up
    assert all(at - began_at < 0.031 for at in doubts)


@pytest.mark.parametrize(
    ("left", "in_hand", "asked", "widths"),
    [
        (4, 0.02, 2, [1, 2]),
        (5, 0.02, 2, []),  # there are enough to go round
        (4, 0.001, 2, []),  # the caller is back in a moment
        (4, 0.02, 1, []),  # and they would not want its processor
    ],
)
def test_of_few_long_items_none_is_begun_beside_the_callers(
    left: int, in_hand: float, asked: int, widths: list[int]
) -> None:
    """Three that share two processors end together, with the fourth still to come: it has its processor to itself."""
    clock, resized = ManualClock(), []
    crew = SimpleNamespace(width=asked, together=1, resize=resized.append)
    pilot = SimpleNamespace(
        now=clock,
        spent=lambda: 0.0,
        left=left,
        works=True,
        glance=lambda: Glance(in_hand, in_hand, 0.0, in_hand),
        house=SimpleNamespace(machine=Machine(2, 2, 2, None, gil=True), starts=lambda: WARM),
        crews=SimpleNamespace(others=crew, out=1, leaving=False),
        look_again=lambda: None,
    )
    trial = Trying(pilot, Offer("process", asked, 80.0), Signals(0.02, 1.0, 1.0, done=0, left=left))  # type: ignore[arg-type]
    assert resized == widths[:1]
    clock.advance(0.1)
    trial.ran(Returned(1, [None], "the caller", 0.12, cpu=0.12))
    trial.end()
    assert resized == widths
    assert pilot.works is (not widths)  # else the caller would take one more, beside both of them


def test_whoever_looks_gets_the_gil_sooner_and_nobody_after_that() -> None:
    """A switch interval is what a look waits for; the program's own is back when workers are there, or it is over."""
    before = sys.getswitchinterval()
    run = Run(World([SPIN] * 100))
    seen = []
    follow = run.pilot.follow

    def watched(*given: object) -> None:
        seen.append(sys.getswitchinterval())
        follow(*given)  # type: ignore[arg-type]
        seen.append(sys.getswitchinterval())

    run.pilot.follow = watched  # type: ignore[method-assign]
    run.go()
    assert seen[:2] == pytest.approx([AT_ONCE, AT_ONCE])
    assert sys.getswitchinterval() == pytest.approx(before)
    for items in ([Item(computes=1e-7)] * 100, [NAP] * 200, [SPIN] * 3):
        run_of(*items)
        assert sys.getswitchinterval() == pytest.approx(before)
