"""Which workers: tables of what is asked or seen, and what is decided."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from weft._choose.choose import PROBE, WAITING_SURE, WORTH_PROCESSES, Probe, decide, plan_for
from weft._choose.machine import Machine
from weft._model.options import Options

WORKERS = {"serial": 1, "thread": 12, "process": 8, "async": 100, "futures": 8}


def machine_of(cpus: int = 8, *, gil: bool = True) -> Machine:
    return Machine(cpus, cpus, cpus, None, gil)


def never() -> str | None:
    raise AssertionError("asked although the answer does not matter: it may be dear")


@pytest.mark.parametrize(
    ("asked", "awaits", "stays", "kind", "workers"),
    [
        ({}, False, never, "auto", 0),
        ({"max_workers": 3}, False, never, "auto", 3),
        ({}, True, never, "async", 100),
        ({"max_workers": 3}, True, never, "async", 3),
        ({"timeout": 1.0}, True, never, "async", 100),
        ({"timeout": 1.0}, False, lambda: None, "process", 8),
        ({"timeout": 1.0}, False, lambda: "it is a method", "thread", 12),
        ({"on": "serial"}, False, never, "serial", 1),
        ({"on": "serial", "max_workers": 5}, False, never, "serial", 1),
        ({"on": "serial"}, True, never, "serial", 1),
        ({"on": "thread"}, True, never, "thread", 12),
        ({"on": "process", "timeout": 1.0}, False, never, "process", 8),
        ({"on": "process", "max_workers": 3}, False, never, "process", 3),
        ({"on": "async"}, False, never, "async", 100),
    ],
)
def test_the_plan_to_begin_with(asked: Any, awaits: bool, stays: Any, kind: str, workers: int) -> None:
    """What is asked for is done; what is not is decided by what can be known without running anything."""
    plan = plan_for(Options.of(asked), awaits=awaits, workers=WORKERS, stays=stays)
    assert (plan.kind, plan.workers) == (kind, workers)
    assert plan.reason


def test_an_executor_that_is_given_is_used_with_its_own_width() -> None:
    """It knows best how many it runs; one that does not say is asked for as many as there are processors."""

    class Foreign:
        def submit(self, *args: Any) -> Any: ...

    with ThreadPoolExecutor(3) as pool:
        plan = plan_for(Options.of({"on": pool}), awaits=False, workers=WORKERS, stays=never)
        assert (plan.kind, plan.workers, plan.executor) == ("futures", 3, pool)
        plan = plan_for(Options.of({"on": pool, "max_workers": 2}), awaits=True, workers=WORKERS, stays=never)
        assert (plan.kind, plan.workers) == ("futures", 2)
    foreign = Foreign()
    plan = plan_for(Options.of({"on": foreign}), awaits=False, workers=WORKERS, stays=never)
    assert (plan.kind, plan.workers, plan.executor) == ("futures", 8, foreign)


COMPUTES, WAITS = WAITING_SURE, 0.0
LOTS, FEW = 10**6, 1


@pytest.mark.parametrize(
    ("cpu", "left", "machine", "asked", "stays", "kind", "workers"),
    [
        (WAITS, LOTS, machine_of(), None, never, "thread", 12),
        (WAITS, None, machine_of(), None, never, "thread", 12),
        (WAITS, LOTS, machine_of(1), None, never, "thread", 12),  # waiting needs no processor
        (WAITS, LOTS, machine_of(), 4, never, "thread", 4),
        (WAITS, 0, machine_of(), None, never, None, 0),
        (COMPUTES, LOTS, machine_of(), None, lambda: None, "process", 8),
        (COMPUTES, None, machine_of(), None, lambda: None, "process", 8),  # nobody knows how much: assume a lot
        (COMPUTES, LOTS, machine_of(), 2, lambda: None, "process", 2),
        (COMPUTES, LOTS, machine_of(), None, lambda: "it is a method", "serial", 1),
        (COMPUTES, LOTS, machine_of(1), None, never, "serial", 1),
        (COMPUTES, FEW, machine_of(), None, never, None, 0),  # not worth their start; ask again
        (COMPUTES, LOTS, machine_of(gil=False), None, never, "thread", 8),
        (COMPUTES, LOTS, machine_of(gil=False), 3, never, "thread", 3),
        (COMPUTES, LOTS, machine_of(), 1, never, "serial", 1),
        (WAITS, LOTS, machine_of(), 1, never, "serial", 1),
    ],
)
def test_where_the_rest_goes(
    cpu: float, left: int | None, machine: Machine, asked: int | None, stays: Any, kind: str | None, workers: int
) -> None:
    """Waiting to threads, computing to processes, if it is worth it and nothing is in the way."""
    plan = decide(Probe(10, WAITING_SURE, cpu, left), machine, asked, WORKERS, stays)
    assert (plan.kind if plan else None) == kind
    if plan is not None:
        assert plan.workers == workers
        assert plan.reason


def test_processes_must_be_worth_their_start() -> None:
    """On either side of the line."""
    enough = int(10 * WORTH_PROCESSES / PROBE)
    for left, kind in [(enough - 1, None), (enough, "process")]:
        plan = decide(Probe(10, PROBE, PROBE, left), machine_of(), None, WORKERS, lambda: None)
        assert (plan.kind if plan else None) == kind


@pytest.mark.parametrize(
    ("probe", "share", "ahead"),
    [
        (Probe(10, 1.0, 0.25, 20), 0.25, 2.0),
        (Probe(10, 1.0, 1.1, 0), 1.0, 0.0),  # clocks differ
        (Probe(10, 0.0, 0.0, None), 1.0, float("inf")),
    ],
)
def test_what_the_first_items_show(probe: Probe, share: float, ahead: float) -> None:
    """The two figures that everything is decided on."""
    assert (probe.share, probe.ahead) == (share, ahead)


def test_to_be_sure_that_work_waits_takes_longer() -> None:
    """Work that computes may begin by waiting: for files that are not in memory yet, for imports."""
    assert decide(Probe(3, PROBE, 0.0, LOTS), machine_of(), None, WORKERS, never) is None
