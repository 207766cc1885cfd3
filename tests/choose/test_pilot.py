"""Where runs on "auto" go, and when: whole runs of simulated work, which take no time."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from weft._choose.auto import AutoCrew
from weft._choose.choose import Verdict, plan_of
from weft._choose.machine import Machine
from weft._choose.memory import Learned
from weft._choose.pilot import Pilot
from weft._choose.record import Record
from weft._choose.signals import Offer, Signals
from weft._model.chunk import Chunk
from weft._model.measured import Freight, Glance
from weft._model.noun import replace
from weft._model.outcome import Arrival, Returned
from weft._model.plan import Plan
from weft._schedule.driver import Driver
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule
from weft.errors import KindUnavailable
from weft.testing import Fate, ManualClock, ScriptedCrew

CHEAP = Freight(0.0, 0.0, 100.0)
PATIENCE = 0.025  # seconds, after which a chunk goes back unfinished
WORKERS = {"serial": 1, "thread": 12, "process": 2, "async": 100, "futures": 2}


@dataclass(frozen=True)
class Item:
    """What an item does: seconds of waiting, seconds of computing, how much of that with the GIL."""

    waits: float = 0.0
    computes: float = 0.0
    held: float = 1.0

    @property
    def seconds(self) -> float:
        return self.waits + self.computes


@dataclass
class World:
    """A machine of two processors on which nothing else goes on."""

    items: Sequence[Item]
    clock: ManualClock = field(default_factory=ManualClock)
    starts: float = 0.05
    libraries: bool = False  # whether threads of libraries are at work
    others: Callable[[float], float] = lambda seconds: 0.0  # what they have computed by then, as far as it is written
    tells: float = 0.0  # seconds until it is known who holds the GIL
    witnessed: str | None = None  # what its first items have changed, as far as can be seen then
    freight: Freight = CHEAP
    why_stay: str | None = None
    gil: bool = True
    convoy: float = 1.0  # how many times as long computing takes in threads, and in the caller beside them
    leaving: Callable[[], bool] = lambda: False
    slots: int = 10**6  # how many may wait at once: a server's limit
    helps: float = 1.0  # how fast a process is, beside the caller
    asks: float = 0.0  # seconds that each item waits in a process for what the caller does at once
    hamper: float = 0.0  # of computing that threads wait for each other beside
    hampered: tuple[float, float] = (0.0, float("inf"))  # from when till when they do
    crowd: float = 1.0  # how many times as long computing takes, as others have the processors
    crowded: tuple[float, float] = (0.0, float("inf"))  # from when till when they have
    pause: float = 0.0  # that the collector makes in the caller after so many items of its
    every: int = 100
    ran: int = 0  # by the caller
    cpu: float = 0.0

    @property
    def slow(self) -> float:
        """How many times as long computing takes now."""
        return self.crowd if self.crowded[0] <= self.clock() < self.crowded[1] else 1.0

    def serial(self) -> Caller:
        return Caller(self)

    def thread(self, width: int) -> ScriptedCrew:
        def fate(chunk: Chunk) -> Fate:
            busy = min(crew.width, len(crew._busy) + 1)
            queue = max(1.0, busy / self.slots)
            took = cpu = 0.0
            for item in chunk.items:
                held = item.computes * item.held if self.gil else item.computes / 2
                took += max(item.waits * queue + item.computes * self.convoy, busy * held)
                if self.hampered[0] <= self.clock() < self.hampered[1]:
                    took += item.computes * self.hamper
                cpu += item.computes
            self.cpu += cpu
            return Fate(took, cpu=cpu)

        crew = Threads(lambda item: item, fate, width=width, clock=self.clock)
        return crew

    def process(self, width: int, threads: int = 1) -> ScriptedCrew:
        there = self.clock() + self.starts

        def fate(chunk: Chunk) -> Fate:
            late = max(0.0, there - self.clock()) if len(crew.in_hand) < width else 0.0
            computes = sum(item.computes / self.helps for item in chunk.items)
            waits = sum(item.waits + self.asks for item in chunk.items)
            took = (
                max(waits / threads, computes) + max(item.waits for item in chunk.items)
                if threads > 1
                else waits + computes
            )
            cpu = sum(item.computes / self.helps for item in chunk.items)
            busy = sum(item.waits + self.asks + item.computes / self.helps for item in chunk.items)
            slow = self.slow
            delay = busy * (slow - 1)
            return Fate(late + took * slow, seconds=busy * slow, cpu=cpu, delay=delay)

        crew = Processes(lambda item: item, fate, width=width, clock=self.clock)
        return crew


class Processes(ScriptedCrew):
    """They have names, and work in turns."""

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        return [
            replace(arrival, worker=f"process-{arrival.chunk % self.width}")
            if isinstance(arrival, Returned)
            else arrival
            for arrival in super().poll(timeout)
        ]


class Threads(ScriptedCrew):
    """How long a chunk takes depends on how many there are when it is taken up, not when it was sent."""

    def _begin(self) -> None:
        while self._idle and len(self._busy) < self.width:
            waiting, self._idle = self._idle, deque([self._idle[0]])
            chunk, _ = self._fates[waiting[0]]
            self._fates[waiting.popleft()] = (chunk, self._script(chunk))
            super()._begin()
            self._idle = waiting


class Caller(ScriptedCrew):
    """The caller, whose accounts are what it was said to do."""

    def __init__(self, world: World) -> None:
        self.seconds = self.spent = self.delay = 0.0
        self._short, self.hurries = float("inf"), 0  # seconds of the next chunk, and how often it was cut

        def fate(chunk: Chunk) -> Fate:
            took, cpu, tried = 0.0, 0.0, 0
            short, self._short = self._short, float("inf")
            slow = world.convoy if world.leaving() else 1.0
            for item in chunk.items:
                took, cpu, tried = took + item.seconds * slow, cpu + item.computes * slow, tried + 1
                world.ran += 1
                if world.pause and world.ran % world.every == 0:
                    took, cpu = took + world.pause, cpu + world.pause
                if took >= min(short, PATIENCE):
                    break
            self.seconds, self.spent = self.seconds + took, self.spent + cpu
            delay = (world.slow - 1) * cpu
            self.delay += delay
            world.cpu += cpu
            return Fate(took + delay, tried=tried, cpu=cpu, delay=delay)

        super().__init__(lambda item: item, fate, clock=world.clock, prefetches=False)
        self.follows = False
        self.others = world.others

    def cut_short(self, after: float = 0.0) -> None:
        self._short = after
        self.hurries += 1

    def computed(self) -> float:
        return self.spent

    def glance(self) -> Glance:
        return Glance(self.seconds, self.spent, self.others(self.seconds), 0.0, self.delay)


class Pulse:
    """Knows who holds the GIL."""

    cpu = 0.0
    beats = 12

    def __init__(self, held: float, known: Callable[[], bool] = lambda: True) -> None:
        self.held, self._known, self.hurried = held, known, False

    def sure(self, *, waits: bool) -> bool:
        return self._known()

    def hurry(self) -> None:
        self.hurried = True

    def end(self) -> None: ...


class Run:
    """One run on "auto" in a *world*: driven to its end, with everything that was decided."""

    def __init__(
        self,
        world: World,
        *,
        kinds: frozenset[str] = frozenset({"serial", "thread", "process"}),
        asked: int | None = None,
        total: bool = True,
        order: bool = True,
    ) -> None:
        self.world, self.named, self.asked, self.remembers = world, kinds, asked, True
        self.overlaps = self.forks = False
        self.read = self.looks = 0
        self.refused: dict[str, str] = {}
        self.changes = ""
        self.machine = Machine(2, 2, 2, None, world.gil)
        self.told: list[Plan] = []
        self.changes_at: list[float] = []  # when it was decided on another kind
        self.made: list[ScriptedCrew] = []
        self.widths: list[int] = []
        self.asked_to_stay = self.weighed = 0
        self.record = Record()
        self.known: Learned | None = None
        self.noted: list[Learned] = []
        self.pulses: list[Pulse] = []
        self.caller = world.serial()
        count = len(world.items) if total else None
        self.pilot = Pilot(self, self.caller, count, self.record, clock=world.clock, spent=lambda: world.cpu)
        self.crew = AutoCrew(self.caller, self.pilot, world.clock)
        world.leaving = lambda: self.crew.leaving
        self.schedule = Schedule(Policy(ordered=order), 1, total=count)
        self.driver = Driver(self.schedule, world.items, self.crew, world.clock)
        self.results: list[Any] = []

    def go(self) -> Run:
        for batch in self.driver.batches():
            self.results += batch
            if self.crew.others is not None:
                self.widths.append(self.crew.others.width)
        self.crew.close()
        return self

    @property
    def decided(self) -> list[str]:
        """The kinds, in the order that they were decided on, the same twice only once."""
        kinds = [plan.kind for plan in self.told]
        return [kind for at, kind in enumerate(kinds) if at == 0 or kinds[at - 1] != kind]

    # what the chooser is given

    @property
    def kinds(self) -> frozenset[str]:
        self.read += 1
        return self.named

    def plan(self, kind: str, workers: int, reason: str, threads: int) -> Plan:
        return plan_of(kind, reason, workers, WORKERS, threads)

    def make(self, plan: Plan) -> ScriptedCrew:
        if plan.kind == "thread":
            crew = self.world.thread(plan.workers)
        else:
            crew = self.world.process(plan.workers, plan.threads)
            crew.together = plan.threads
        self.made.append(crew)
        return crew

    def stays(self, sample: tuple[Any, Any]) -> str | None:
        self.asked_to_stay += 1
        return self.world.why_stay

    def witnessed(self) -> str | None:
        return self.world.witnessed

    def weigh(self, items: Sequence[Any], values: Sequence[Any]) -> Freight:
        self.weighed += 1
        return self.world.freight

    def collected(self) -> int:
        return self.world.ran // self.world.every if self.world.pause else 0

    def libraries_run(self) -> bool:
        return self.world.libraries

    def starts(self) -> float:
        return self.world.starts

    def started(self, seconds: float) -> None: ...

    def listen(self, works: Callable[[], bool]) -> Pulse:
        self.looks += 1
        items = self.world.items[max(0, self.schedule.stats(0).done - 1) :][:1]
        until = self.world.clock() + self.world.tells
        self.pulses.append(Pulse(items[0].held if items else 1.0, lambda: self.world.clock() >= until))
        return self.pulses[-1]

    def recall(self) -> Learned | None:
        return self.known

    def note(self, learned: Learned) -> None:
        self.noted.append(learned)

    def tell(self, plan: Plan) -> None:
        if not self.told or self.told[-1].kind != plan.kind:
            self.changes_at.append(self.world.clock())
        self.told.append(plan)


def refuse(plan: Plan) -> ScriptedCrew:
    raise KindUnavailable("there are none")


NAP = Item(waits=0.05)
SPIN = Item(computes=0.01)


def run_of(*items: Item, **world: object) -> Run:
    return Run(World(items, **world)).go()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("item", "count", "kinds"),
    [
        (Item(computes=1e-7), 1000, []),  # over before anybody looks
        (Item(computes=1e-6), 3000, []),
        (Item(waits=0.05), 200, ["thread"]),
        (Item(waits=0.001), 1000, ["thread"]),
        (Item(computes=0.01), 200, ["process"]),
        (Item(computes=0.001), 2000, ["process"]),
        (Item(computes=0.01), 6, ["serial"]),  # not worth their start
        (Item(computes=0.01, held=0.0), 200, ["thread"]),
    ],
)
def test_work_goes_where_it_ends_soonest(item: Item, count: int, kinds: list[str]) -> None:
    """Every result is there, once and in order, whatever was decided on the way."""
    run = run_of(*[item] * count)
    assert run.decided[:1] == kinds[:1]
    assert run.results == [item] * count


def test_nothing_is_run_twice_and_order_is_kept() -> None:
    """The first items are the measurement; what others hold when they are given up they finish."""
    items = [Item(waits=0.01 + n * 1e-9) for n in range(150)] + [Item(computes=0.01 + n * 1e-9) for n in range(150)]
    run = run_of(*items)
    assert run.results == items
    sent = [range(chunk.first, chunk.first + len(chunk.items)) for crew in run.made for chunk in crew.sent]
    assert len({index for span in sent for index in span}) == sum(map(len, sent))


def test_slow_input_output_gets_hundreds_of_threads() -> None:
    """Two hundred naps of 50 ms end within a few of them."""
    run = run_of(*[NAP] * 200)
    assert max(run.widths) > 100
    assert run.world.clock() < 5 * NAP.seconds


def test_a_server_that_lets_four_in_gets_few() -> None:
    """More would only wait for each other: Little's law says how many there are."""
    run = run_of(*[Item(waits=0.01)] * 1500, slots=4)
    assert run.widths[-1] <= 8
    assert run.world.clock() < 1.3 * 1500 * 0.01 / 4


def test_work_that_computes_a_little_gets_as_many_threads_as_the_gil_serves() -> None:
    """20 ms of waiting, 2 ms of computing: eleven keep the GIL busy, and three times as many if some are late."""
    run = Run(World([Item(waits=0.02, computes=0.002)] * 600), kinds=frozenset({"serial", "thread"})).go()
    assert run.decided == ["thread"]
    assert 10 <= run.widths[-1] <= 36
    assert run.world.clock() < 1.2 * 600 * 0.002


def test_when_the_gil_is_the_limit_processes_of_threads_go_beyond_it() -> None:
    """Two interpreters, and in each of them so many threads that one computes while others wait."""
    run = run_of(*[Item(waits=0.02, computes=0.002)] * 2000)
    assert run.decided == ["thread", "process"]
    assert run.told[-1].threads > 5
    assert run.world.clock() < 0.75 * 2000 * 0.002


@pytest.mark.parametrize(("waits", "computes", "count"), [(0.02, 0.003, 100), (0.01, 0.005, 60)])
def test_what_threads_have_in_hand_is_no_reason_to_go_to_processes(waits: float, computes: float, count: int) -> None:
    """All that is left is with them already: whoever came would have nothing to do."""
    run = run_of(*[Item(waits=waits, computes=computes)] * count, starts=0.002)
    assert run.decided == ["thread"]


def test_to_save_a_few_hundredths_of_a_second_threads_are_not_left() -> None:
    """Processes of threads begin with few items each, and go from chunk to chunk."""
    assert run_of(*[Item(waits=0.01, computes=0.001)] * 300, starts=0.002).decided == ["thread"]
    assert run_of(*[Item(waits=0.01, computes=0.001)] * 600, starts=0.002).decided == ["thread", "process"]


def test_the_caller_works_until_processes_are_there() -> None:
    """Starting them costs it nothing but what it would have done later."""
    run = run_of(*[SPIN] * 200, starts=0.1)
    assert len(run.caller.sent) >= 8
    assert run.world.clock() < 0.1 + 1.1 * 200 * 0.01 / 2


@pytest.mark.parametrize(
    ("first", "then", "kinds"),
    [
        (Item(waits=0.01), SPIN, ["thread", "process"]),
        (SPIN, Item(waits=0.01), ["process", "thread"]),
    ],
)
def test_when_the_work_changes_the_kind_follows(first: Item, then: Item, kinds: list[str]) -> None:
    """Between chunks; who has a chunk finishes it."""
    run = Run(World([first] * 300 + [then] * 400), asked=16).go()
    assert run.decided == kinds
    alone = 300 * first.seconds + 400 * then.seconds
    assert run.world.clock() < 0.6 * alone


def test_work_that_computes_no_more_is_left_within_a_moment() -> None:
    """It need not be judged, only seen: half a second of waiting is over before a window for judging processes is."""
    run = Run(World([SPIN] * 40 + [Item(waits=0.006)] * 150), asked=16).go()
    assert run.decided == ["process", "thread"]
    assert run.world.clock() < 0.2 + 0.2


def test_dear_items_after_cheap_ones_are_noticed() -> None:
    """The caller was right for the first thousand, and is not for the others."""
    run = run_of(*[Item(computes=1e-6)] * 5000, *[Item(computes=0.02)] * 100)
    assert run.decided[-1] == "process"


def test_processes_that_do_not_help_are_given_up() -> None:
    """Whatever the model promised: what is measured counts, and is remembered for a while."""
    run = run_of(*[SPIN] * 400, helps=0.45)
    assert run.decided[:2] == ["process", "serial"]
    assert run.decided.count("process") <= 2
    assert "tried: " in run.told[1].reason
    assert run.world.clock() < 1.25 * 400 * 0.01


def test_processes_that_can_not_be_had_are_no_reason_to_fail() -> None:
    """A system without them, or without memory for them: the caller goes on, and says so."""
    run = Run(World([SPIN] * 200))

    def refuse(plan: Plan) -> ScriptedCrew:
        raise KindUnavailable("process workers need POSIX pipes")

    run.make = refuse  # type: ignore[method-assign]
    assert len(run.go().results) == 200
    assert run.decided[-1] == "serial"
    assert "need POSIX pipes" in run.told[-1].reason


def test_nothing_of_a_run_is_kept_alive_by_its_pilot() -> None:
    """Whoever drops a run drops what it was given."""
    run = run_of(*[NAP] * 50)
    crew = weakref.ref(run.crew)
    gc.disable()
    try:
        del run.crew, run.driver
        assert crew() is None
    finally:
        gc.enable()


def test_work_that_has_to_stay_stays() -> None:
    """Somebody says why, and that is what is told; it is asked once."""
    run = run_of(*[SPIN] * 300, why_stay="it appends to a list")
    assert run.decided == ["serial"]
    assert "it appends to a list" in run.told[0].reason
    assert run.asked_to_stay == 1
    assert run.made == []


def test_what_is_dear_to_send_stays() -> None:
    """Processes would win if travel cost nothing, which is found out before any is started."""
    run = run_of(*[Item(computes=0.001)] * 500, freight=Freight(0.0005, 0.002, 8e6))
    assert run.decided == ["serial"]
    assert run.made == []


@pytest.mark.parametrize(("pause", "kinds"), [(0.06, ["serial", "process"]), (0.0, ["serial"])])
def test_what_the_garbage_collector_takes_of_many_items_counts_for_each(pause: float, kinds: list[str]) -> None:
    """Its pauses are rare, and none is met while the caller is looked at; processes have none of them."""
    run = run_of(
        *[Item(computes=0.0002)] * 4000, freight=Freight(0.0001, 0.0002, 25e3), pause=pause, every=150, starts=0.0
    )
    assert run.decided == kinds


@pytest.mark.parametrize(("from_then_on", "kinds"), [(1.0, ["serial"]), (0.5, ["process"])])
def test_what_a_librarys_threads_compute_is_believed_when_it_is_written(from_then_on: float, kinds: list[str]) -> None:
    """After 8 ms half of it may not be, and processes seem to pay where the library keeps both processors busy."""

    def written(seconds: float) -> float:
        return seconds * (0.5 if seconds < 0.02 else from_then_on)

    items = [Item(computes=0.0002, held=0.0)] * 400
    run = run_of(*items, others=written, starts=0.0, libraries=True, freight=Freight(1e-5, 1e-5, 100.0))
    assert run.decided == kinds


def test_processes_that_wait_for_what_the_caller_does_at_once_are_given_up_at_the_first_look() -> None:
    """Lines that they print are sent to it one by one: that they compute little there is no reason to try again."""
    run = run_of(*[Item(computes=0.0002)] * 8000, asks=0.003, starts=0.001)
    assert run.decided == ["process", "serial"]
    assert run.world.clock() < 1.2 * 8000 * 0.0002


def test_the_price_of_travel_is_not_asked_of_work_that_waits() -> None:
    """Pickling somebody's items has its price too."""
    run = run_of(*[NAP] * 100)
    assert run.asked_to_stay == run.weighed == 0


@pytest.mark.parametrize(
    ("kinds", "item", "decided"),
    [
        ({"serial", "thread"}, SPIN, ["serial"]),
        ({"thread", "process"}, SPIN, ["process"]),
        ({"serial", "process"}, NAP, ["process"]),
        ({"thread", "process"}, NAP, ["thread"]),
    ],
)
def test_kinds_that_were_not_asked_for_are_not_used(kinds: set[str], item: Item, decided: list[str]) -> None:
    """``on=("thread", "process")`` narrows the choice."""
    run = Run(World([item] * 200), kinds=frozenset(kinds)).go()
    assert run.decided[:1] == decided
    assert len(run.results) == 200


def test_without_a_gil_threads_compute() -> None:
    """On a free-threaded interpreter they are the cheaper processes."""
    run = Run(World([Item(computes=0.01)] * 100, gil=False)).go()
    assert run.decided == ["thread"]
    assert run.world.clock() < 0.65 * 100 * 0.01


def test_without_a_gil_a_disturbed_moment_says_nothing_against_threads() -> None:
    """Two that compute side by side are what the machine has: they are left for processes on firmer evidence only."""
    spin = Item(computes=0.003)
    run = run_of(*[spin] * 400, gil=False, hamper=2.0, hampered=(0.0, 0.120))
    assert run.decided == ["thread"]
    assert run.world.clock() < 0.65 * 400 * 0.003 + 0.120


def test_without_a_gil_threads_that_stay_in_each_others_way_are_left() -> None:
    """They may share something that lets one in at a time: that shows within half a second."""
    run = run_of(*[Item(computes=0.003)] * 1_000, gil=False, hamper=2.0)
    assert run.decided == ["thread", "process"]
    assert run.changes_at[1] - run.changes_at[0] < 0.500


def test_an_input_that_does_not_say_how_long_it_is_is_trusted_little_by_little() -> None:
    """As much is expected as there has been: a short one stays, a long one goes."""
    assert Run(World([SPIN] * 4), total=False).go().made == []
    assert Run(World([SPIN] * 200), total=False).go().decided[-1] == "process"


@pytest.mark.parametrize("asked", [1, 3])
def test_no_more_workers_than_asked_for(asked: int) -> None:
    """One is a plain loop."""
    run = Run(World([NAP] * 60), asked=asked).go()
    assert all(width <= asked for width in run.widths)
    assert run.decided == (["serial"] if asked == 1 else ["thread"])


def test_work_that_stays_is_asked_about_ever_more_rarely() -> None:
    """Deciding must cost little, however long the run."""
    run = run_of(*[Item(computes=0.001)] * 20_000, why_stay="it has to")
    assert len(run.told) == 1
    assert run.asked_to_stay == 1


def resumed(known: Learned, *items: Item, **world: object) -> Run:
    run = Run(World(items, **world))  # type: ignore[arg-type]
    run.known = known
    return run.go()


def test_a_run_begins_where_the_last_one_ended() -> None:
    """As many threads as that had, and it is found that they do as much; what it ended with is kept."""
    items = [Item(waits=0.01)] * 1500
    first = run_of(*items, slots=4)
    [learned] = first.noted
    assert (learned.kind, learned.items) == ("thread", 1500)
    assert learned.rate == pytest.approx(400, rel=0.2)
    second = resumed(learned, *items, slots=4)
    assert max(second.widths) <= learned.workers
    assert second.record.checked.endswith("confirmed by the first results")
    assert second.world.clock() <= first.world.clock()


def test_threads_that_were_enough_for_a_server_are_not_for_a_faster_one() -> None:
    """They do what they did, and yet none of them has to wait: it climbs."""
    items = [Item(waits=0.01)] * 3000
    [learned] = run_of(*items, slots=4).noted
    run = resumed(learned, *items, slots=100)
    assert max(run.widths) > 40
    assert run.noted[-1].workers > 40


def test_work_that_needs_processes_of_threads_gets_them_at_once() -> None:
    """The first run had to find out that threads were at the GIL's end."""
    items = [Item(waits=0.02, computes=0.002)] * 2000
    [learned] = run_of(*items).noted
    assert (learned.kind, learned.threads > 5) == ("process", True)
    run = resumed(learned, *items)
    assert run.decided == ["process"]
    assert run.told[0].threads == learned.threads


def test_what_did_not_help_is_not_tried_again_at_once() -> None:
    """Two runs have found that; after a while it is tried once more."""
    items = [SPIN] * 400
    [learned] = run_of(*items, helps=0.45).noted
    assert (learned.kind, learned.lost) == ("serial", {"process"})
    run = resumed(Learned(**{name: getattr(learned, name) for name in Learned.__slots__} | {"runs": 2}), *items)
    assert run.decided[0] == "serial"
    assert "tried in an earlier run" in run.told[0].reason
    assert run.decided[-1] == "process"  # they help now, and that is what is remembered
    assert (run.noted[-1].kind, run.noted[-1].lost) == ("process", frozenset())


def test_processes_that_were_right_are_given_up_where_they_are_not() -> None:
    """Remembered or not: they are on trial."""
    known = Learned("process", 2, 0.01, 1.0, 1.0, rate=200.0, runs=5)
    run = resumed(known, *[SPIN] * 400, helps=0.45)
    assert run.decided[:2] == ["process", "serial"]
    assert run.record.checked.endswith("decided anew")
    assert run.noted[-1].kind == "serial"


def test_a_memory_does_not_overrule_what_keeps_work_here() -> None:
    """It has changed since: it can't be sent any more."""
    run = resumed(Learned("process", 2, 0.01, 1.0, 1.0, runs=5), *[SPIN] * 200, why_stay="it appends to a list")
    assert run.made == []


def test_little_work_stays_whatever_was_right_for_much() -> None:
    run = resumed(Learned("process", 2, 0.01, 1.0, 1.0, runs=5), *[SPIN] * 3)
    assert run.made == []


def test_an_input_of_unknown_length_is_expected_to_be_as_long_as_it_was() -> None:
    """A generator does not say how much is to come: one item would not be worth a process, two hundred are."""
    ahead = Learned("process", 2, 0.01, 1.0, 1.0, items=200, runs=3)
    before, after = Run(World([SPIN] * 200), total=False), Run(World([SPIN] * 200), total=False)
    after.known = ahead
    assert before.go().decided[0] == "serial"
    assert after.go().decided == ["process"]
    assert after.world.clock() < before.world.clock()


def test_a_busy_machine_makes_nobody_change_his_mind() -> None:
    """Processes compute a fifth of their time as others have the processors: that is not waiting."""
    run = run_of(*[SPIN] * 600, crowd=5.0)
    assert run.decided == ["process"]
    assert len(run.made) == 1


@pytest.mark.parametrize("crowded", [(0.5, float("inf")), (0.5, 3.0), (0.0, 0.5)])
@pytest.mark.parametrize("crowd", [2.0, 4.0, 10.0])
def test_that_others_come_and_go_on_the_machine_makes_nobody_change_his_mind(
    crowd: float, crowded: tuple[float, float]
) -> None:
    """What workers did while they had processors is what they are judged by."""
    run = run_of(*[SPIN] * 600, crowd=crowd, crowded=crowded)
    assert run.decided == ["process"]
    assert len(run.made) == 1


def test_items_of_very_different_cost_are_no_reason_to_doubt() -> None:
    """The caller met cheap ones, processes dear ones: fewer are done, and yet they do twice as much."""
    cheap, dear = Item(computes=0.002), Item(computes=0.08)
    run = run_of(*[cheap, cheap, Item(computes=0.01)] * 30, *[dear] * 60, *[cheap] * 30, *[dear] * 30)
    assert run.decided == ["process"]
    assert len(run.made) <= 2  # they may be doubted once, until the caller has met dear ones


def test_the_caller_is_not_measured_beside_those_it_is_compared_with() -> None:
    """Threads were a mistake; while the last of them finish the caller is slow as well, so it waits for their end."""
    run = run_of(*[Item(computes=1e-4, held=0.0)] * 20_000, convoy=5.0)
    assert run.decided[:2] == ["thread", "process"]
    assert "tried: " in run.told[1].reason
    assert run.world.clock() < 0.8 * 20_000 * 1e-4


def test_threads_in_each_others_way_are_dropped_at_once() -> None:
    """All together they compute as much as the caller alone, and do less: nobody has to be looked at again for that."""
    run = run_of(*[Item(computes=0.0005, held=0.0)] * 4_000, hamper=2.0)
    assert run.decided == ["thread", "process"]
    assert run.changes_at[1] - run.changes_at[0] < 0.060
    assert run.results == [Item(computes=0.0005, held=0.0)] * 4_000


def test_threads_that_got_dearer_items_are_not_dropped() -> None:
    """They do fewer than the caller did, and compute for all they are worth: it is the items."""
    cheap, dear = Item(computes=0.0005, held=0.0), Item(computes=0.004, held=0.0)
    run = run_of(*[cheap] * 30, *[dear] * 600)
    assert run.decided[:1] == ["thread"]
    assert "process" not in run.decided


def test_processes_that_plainly_do_less_are_given_up_early() -> None:
    """Long before there is a window that would tell whether they do a little less."""
    run = run_of(*[Item(computes=0.001)] * 3_000, helps=0.2, starts=0.0)
    assert run.decided == ["process", "serial"]
    assert run.changes_at[1] - run.changes_at[0] < 0.200  # a chunk takes 40 ms there, and each has two


def test_threads_of_which_one_does_as_much_as_all_are_given_up() -> None:
    """What they wait for lets one in at a time, or was no waiting at all: the caller does that as well."""
    run = run_of(*[Item(waits=0.02)] * 1500, slots=1)
    assert run.decided[:2] == ["thread", "serial"]
    assert "tried: " in run.told[2].reason
    assert len(run.made) <= 3  # in half a minute: after two seconds, and then after four, they are tried again
    assert run.world.clock() < 1.1 * 1500 * 0.02


def test_two_threads_that_wait_side_by_side_are_left_alone() -> None:
    """Two do twice as much as one."""
    run = run_of(*[Item(waits=0.02)] * 300, slots=2)
    assert run.decided == ["thread"]
    assert len(run.made) == 1


@pytest.mark.parametrize(("items", "read"), [(9, False), (400, True)])
def test_the_function_is_read_only_where_leaving_the_caller_would_pay(items: int, read: bool) -> None:
    """To read it for the first time takes longer than a short run may be kept up for."""
    assert bool(run_of(*[Item(computes=0.005)] * items).read) is read


def test_on_a_crowded_machine_work_that_computes_and_now_waits_too_stays_with_processes() -> None:
    """Threads would have one turn at the processors all together; on a quiet machine they are tried."""
    items = [*[SPIN] * 200, *[Item(waits=0.04, computes=0.01)] * 600]
    assert run_of(*items, crowd=4.0).decided == ["process"]
    assert run_of(*items).decided == ["process", "thread", "process"]


def test_threads_that_are_found_to_wait_again_and_again_are_asked_ever_more_rarely() -> None:
    """Some items compute and some wait: by turns they seem to do the one or the other."""
    run = Run(World([SPIN]))
    pilot, waits = run.crew._pilot, Signals(0.02, 0.0, 0.0, left=1000, alone=0.02)

    def undisturbed_after(kind: str) -> float:
        pilot.follow(Verdict(Offer(kind, 4, 200.0), "", ()), waits)
        return round(pilot.undisturbed - run.world.clock(), 6)

    assert [undisturbed_after("thread") for _ in range(4)] == [0.0, 0.2, 0.4, 0.8]
    assert undisturbed_after("process") == 0.0
    assert undisturbed_after("thread") == 0.0
    run.crew.close()


def test_work_that_has_to_stay_is_hardly_looked_at() -> None:
    """Nothing else is to be had for it, so there is little to find; a change would be noticed all the same."""
    stays, may = run_of(*[SPIN] * 400, why_stay="it has a lock"), run_of(*[SPIN] * 400, freight=Freight(0.1, 0.1, 9.0))
    assert stays.decided == may.decided == ["serial"]
    assert stays.looks <= may.looks - 3
    run = run_of(*[SPIN] * 100, *[NAP] * 100, why_stay="it has a lock")
    assert run.decided == ["serial", "thread"]


@pytest.mark.parametrize("away", [True, False])
def test_nobody_is_given_up_for_a_caller_that_is_away(away: bool) -> None:
    """It would have to work, and is busy with results: until it is back others go on, however little they do."""
    run = Run(World([SPIN] * 400, helps=0.45))
    look = run.pilot.look

    def absent(now: float) -> None:
        run.pilot.away = away and bool(run.told)
        look(now)

    run.pilot.look = absent  # type: ignore[method-assign]
    run.go()
    assert ("serial" in run.decided) is not away
    assert run.results == [SPIN] * 400


def test_processes_that_can_not_be_had_are_nobody_to_go_on() -> None:
    """Then the caller is wanted, away or not."""
    run = Run(World([SPIN] * 100))
    run.pilot.away = True
    signals = Signals(0.01, 1.0, 1.0, done=10, left=90)
    run.make = refuse  # type: ignore[method-assign]
    run.pilot.follow(Verdict(Offer("process", 2, 200.0), "it computes", ()), signals)
    assert run.pilot.works
    assert run.crew.others is None
