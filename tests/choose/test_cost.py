"""The cost model, as tables: what each kind promises for work of every nature."""

from __future__ import annotations

import pytest

from weft._choose.cost import MOST_THREADS, offers
from weft._choose.machine import Machine
from weft._choose.signals import Signals
from weft._model.measured import Freight

NOTHING = Freight(0.0, 0.0, 0.0)


def machine_of(cpus: int = 2, *, gil: bool = True) -> Machine:
    return Machine(cpus, cpus, cpus, None, gil)


def rates(signals: Signals, machine: Machine, freight: Freight | None = NOTHING) -> dict[str, float]:
    """How many times the caller's rate each kind promises."""
    promised = list(offers(signals, machine, asked=None, starts=0.05, freight=freight))
    return {"mixed" if offer.threads > 1 else offer.kind: round(offer.rate * signals.item, 2) for offer in promised}


def seen(item: float = 0.01, share: float = 1.0, held: float = 1.0, **more: object) -> Signals:
    return Signals(item, share, held, left=1000, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signals", "machine", "thread", "process"),
    [
        (seen(), machine_of(), 1.0, 2.0),  # pure Python
        (seen(), machine_of(16), 1.0, 16.0),
        (seen(held=0.0), machine_of(), 2.0, 2.0),  # lets go of the GIL
        (seen(held=0.0), machine_of(16), 16.0, 16.0),
        (seen(), machine_of(gil=False), 2.0, 2.0),
        (seen(share=0.0, held=0.0), machine_of(), MOST_THREADS, 2.0),  # waits
        (seen(share=0.1, held=0.1), machine_of(), 9.0, 2.0),  # waits, and computes a little
        (seen(share=0.0, held=1.0), machine_of(), 1.0, 2.0),  # waits, and holds the GIL
        (seen(native=1.0, held=0.0), machine_of(), 1.0, 1.14),  # a library keeps the other processor busy
        (seen(), machine_of(1), 1.0, 1.0),
    ],
)
def test_what_a_kind_promises(signals: Signals, machine: Machine, thread: float, process: float) -> None:
    """As so many times what the caller does alone."""
    promised = rates(signals, machine)
    assert promised["serial"] == 1.0
    assert promised["thread"] == pytest.approx(thread, rel=0.11)
    assert promised["process"] == pytest.approx(process, rel=0.01)


@pytest.mark.parametrize(
    ("freight", "process"),
    [
        (None, 2.0),  # nobody has asked: free
        (Freight(0.01, 0.0, 1e3), 1.0),  # as dear as the item, at the worker's end
        (Freight(0.0, 0.01, 1e3), 1.0),  # at the caller's end, which all share
        (Freight(0.0, 0.05, 1e8), 0.2),
        (Freight(0.0005, 0.0001, 1e3), 1.89),
    ],
)
def test_travel_has_its_price(freight: Freight | None, process: float) -> None:
    """At the caller's end there is one caller for all."""
    assert rates(seen(), machine_of(), freight)["process"] == pytest.approx(process, rel=0.01)


@pytest.mark.parametrize(("share", "mixed"), [(0.1, 20.0), (0.25, 8.0), (0.5, 4.0)])
def test_processes_of_threads_promise_a_gil_each(share: float, mixed: float) -> None:
    """So many in each that one computes while others wait."""
    assert rates(seen(share=share, held=share), machine_of(2))["mixed"] == pytest.approx(mixed, rel=0.3)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.9, 1.0])
def test_work_of_one_nature_gets_no_mixture(share: float) -> None:
    """Threads do for what waits, and processes for what computes."""
    assert "mixed" not in rates(seen(share=share, held=share), machine_of())


def test_no_more_are_promised_than_asked_for_or_left() -> None:
    """Three items keep three busy."""
    promised = offers(Signals(0.01, 0.0, 0.0, left=3), machine_of(16), asked=None, starts=0.0, freight=None)
    assert {offer.workers for offer in promised if offer.kind != "serial"} == {3}
    promised = offers(seen(share=0.0, held=0.0), machine_of(16), asked=5, starts=0.0, freight=None)
    assert {offer.workers for offer in promised if offer.kind != "serial"} == {5}


@pytest.mark.parametrize(
    ("left", "starts", "seconds"),
    [(100, 0.0, 0.5), (100, 0.2, 0.6), (10, 0.2, 0.1), (0, 0.2, 0.0)],
)
def test_the_caller_goes_on_until_others_are_there(left: int, starts: float, seconds: float) -> None:
    """So what they take to start costs half of it, and nothing if all is done by then."""
    signals = Signals(0.01, 1.0, 1.0, left=left)
    promised = offers(signals, machine_of(), asked=2, starts=starts, freight=None)
    process = next(offer for offer in promised if offer.kind == "process")
    expected = seconds if left >= 2 else signals.ahead
    assert process.seconds(signals) == pytest.approx(expected)


@pytest.mark.parametrize(("left", "done", "ahead"), [(10, 0, 1.0), (None, 0, 0.1), (None, 7, 0.7), (0, 7, 0.0)])
def test_where_nobody_knows_how_much_is_left_it_is_as_much_as_there_was(
    left: int | None, done: int, ahead: float
) -> None:
    """An input that does not say is trusted little by little."""
    assert Signals(0.1, 1.0, 1.0, done=done, left=left).ahead == pytest.approx(ahead)


@pytest.mark.parametrize(
    ("signals", "thread", "process"),
    [
        (seen(0.05, 0.2, 0.2), 4.5, 2.0),  # on a quiet machine threads wait side by side, until the GIL is their limit
        (seen(0.05, 0.2, 0.2, delayed=0.1), 4.5, 2.0),
        (seen(0.05, 0.2, 0.2, delayed=3.0), 1.12, 2.0),  # of five seconds with the GIL, four without a processor
        (seen(0.05, 0.01, 0.01, delayed=3.0), 90.0, 2.0),  # it computes too shortly to lose its processor with the GIL
        (seen(0.05, 1.0, 1.0, delayed=3.0), 1.0, 2.0),
        (seen(0.05, 0.5, 0.0, delayed=3.0), 4.0, 2.0),  # it does not hold the GIL
    ],
)
def test_on_a_crowded_machine_threads_have_one_turn_at_the_processors(
    signals: Signals, thread: float, process: float
) -> None:
    """Whoever has the GIL keeps it while strangers have the processor; another process has another turn."""
    found = rates(signals, machine_of())
    assert (found["thread"], found["process"]) == (thread, process)
