"""Which workers: tables of what is asked or seen, and what is decided."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from weft._choose.choose import Rules, decide, plan_for
from weft._choose.machine import Machine
from weft._choose.signals import Signals
from weft._model.measured import Freight
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
        ({}, True, never, "auto", 0),
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
        ({"on": ("thread", "process")}, False, never, "auto", 0),
        ({"on": ("thread", "process"), "max_workers": 3}, True, never, "auto", 3),
        ({"on": ["thread"]}, False, never, "thread", 12),
        ({"on": ("thread", "serial"), "timeout": 1.0}, False, never, "thread", 12),
        ({"on": ("process", "serial"), "timeout": 1.0}, False, lambda: "it is a method", "serial", 1),
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


CPU = {"item": 0.01, "share": 1.0, "held": 1.0}
FREE = {"item": 0.01, "share": 1.0, "held": 0.05}
IO = {"item": 0.01, "share": 0.02, "held": 0.02}
LOTS, FEW = 1000, 3


def verdict_on(
    work: dict[str, float], left: int | None, machine: Machine | None = None, starts: float = 0.05, **rules: Any
) -> Any:
    return decide(Signals(**work, left=left, done=5), machine or machine_of(), Rules(starts=starts, **rules))


@pytest.mark.parametrize(
    ("work", "left", "machine", "rules", "kind", "workers"),
    [
        (IO, LOTS, machine_of(), {}, "thread", 63),
        (IO, LOTS, machine_of(1), {}, "thread", 63),  # waiting needs no processor
        (IO, LOTS, machine_of(), {"asked": 4}, "thread", 4),
        (IO, 0, machine_of(), {}, "serial", 1),
        (CPU, LOTS, machine_of(), {}, "process", 8),
        (CPU, LOTS, machine_of(), {"asked": 2}, "process", 2),
        (CPU, LOTS, machine_of(1), {}, "serial", 1),
        (CPU, FEW, machine_of(), {}, "serial", 1),  # not worth their start
        (CPU, None, machine_of(), {}, "serial", 1),  # nor is as much as there was
        (CPU, LOTS, machine_of(gil=False), {}, "thread", 8),
        (CPU, LOTS, machine_of(gil=False), {"asked": 3}, "thread", 3),
        (CPU | {"native": 0.1}, LOTS, machine_of(gil=False), {}, "thread", 8),  # a little of a library's does not count
        (CPU, 30, machine_of(gil=False), {}, "thread", 8),
        (FREE, LOTS, machine_of(), {}, "thread", 8),
        (FREE, LOTS, machine_of(), {"refused": {"thread": "tried"}}, "process", 8),
        (CPU, LOTS, machine_of(), {"refused": {"process": "it appends"}}, "serial", 1),
        (CPU, LOTS, machine_of(), {"asked": 1}, "serial", 1),
        (IO, LOTS, machine_of(), {"asked": 1}, "serial", 1),
        (CPU, LOTS, machine_of(), {"freight": Freight(0.0, 0.02, 1e8)}, "serial", 1),
        (CPU, LOTS, machine_of(), {"kinds": frozenset({"serial", "thread"})}, "serial", 1),
        (IO, LOTS, machine_of(), {"kinds": frozenset({"serial", "process"})}, "process", 8),
        ({"item": 3e-6, "share": 0.9, "held": 0.0}, 10**6, machine_of(), {}, "process", 8),  # too short for threads
        (CPU | {"native": 7.0}, LOTS, machine_of(), {}, "process", 8),  # parallel already: tried all the same
    ],
)
def test_where_the_rest_goes(
    work: dict[str, float], left: int | None, machine: Machine, rules: dict[str, Any], kind: str, workers: int
) -> None:
    """Waiting to threads, computing to processes, if it is worth it and nothing is in the way."""
    found = verdict_on(work, left, machine, **rules)
    assert (found.offer.kind, found.offer.workers) == (kind, workers)
    assert found.reason


def test_processes_must_be_worth_their_start() -> None:
    """On either side of the line."""
    kinds = [verdict_on(CPU, left).offer.kind for left in range(40)]
    line = kinds.index("process")
    assert 3 < line < 20
    assert set(kinds[:line]) == {"serial"}
    assert set(kinds[line:]) == {"process"}
    assert verdict_on(CPU, line, starts=0.3).offer.kind == "serial"


def test_the_words_say_why_and_why_not() -> None:
    """As in "threads would not help: …"; and each kind that was not taken has its reason."""
    found = verdict_on(CPU, LOTS)
    assert "computes 100% of it" in found.reason
    assert "threads would not help: it computes and holds the GIL 100% of the time" in found.reason
    assert [why == "" for offer, why in found.table] == [offer is found.offer for offer, _ in found.table]
    found = verdict_on(CPU, LOTS, refused={"process": "it appends to a list"})
    assert "processes: it appends to a list" in found.reason
