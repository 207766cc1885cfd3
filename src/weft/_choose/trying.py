"""Work that computes is with other workers: do they help, and do they still?"""

from __future__ import annotations

from .._model.outcome import Returned
from .choose import WAITING
from .count import Count
from .gain import CROWDED, Work, by_strangers
from .handover import AT_ONCE, HANDOVER
from .mode import BRISK, CALM, Helm
from .signals import Offer, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._model.protocols import Crew

# A window that a kind is judged by.
TRIAL: Final = 0.012  # seconds for threads, which are there at once
LONG_TRIAL: Final = 0.200  # seconds for processes
FREE_TRIAL: Final = 0.100  # seconds for threads that nothing keeps from computing side by side. bench/free_threading.py
LONGEST_TRIAL: Final = 1.0  # seconds, after which few items have to do
BUSIEST: Final = 10.0  # seconds, where others have had the processors in it
LENGTHENED: Final = 3  # times the share of its time that the caller waited for a processor: turns there take longer
ITEMS: Final = 8
EARLY: Final = 0.060  # seconds, after which processes are given up that plainly do much less
PLAINLY: Final = 0.6
EARLIER: Final = 0.020  # seconds, after which they are if they do next to nothing. Lines printed by 200,000 items of
NEXT_TO: Final = 0.4  # 2 µs took 15 µs each in workers, and the caller did nothing for 100 ms.
ALONE: Final = 0.050  # seconds, at the most, that threads wait for others to have left before they are judged
HELPS: Final = 1.1  # what threads that compute have to bring
HARMS: Final = 0.95  # what is less than this needs no second window
HARDLY: Final = 1.05  # what processes have to bring

# Threads that do fewer items than the caller alone, and compute for less than such a part of the time that they have:
# they are in each other's way. Had only the items become dearer, they would compute more.
TOGETHER: Final = 0.85

OFTEN: Final = 0.004  # seconds between two looks at threads that are on trial

# Processes whose work computes no more need not be judged to be left: that shows in a shorter window.
LATELY: Final = 0.040  # seconds

# While the caller is in an item for longer than this, and so few are left for each worker, its processor is not
# another's: three who share two come to their ends together, with the last item still to come.
BESIDE: Final = 0.005  # seconds
FEW: Final = 2  # items

# Where no item was done when it was decided, one that takes so much less time than was expected is other work.
SHORTER: Final = 3.0


class Trying:
    """Work that computes, on other workers: do they help, and do they still?

    Args:
        pilot: Who wants to know.
        offer: What was promised.
        signals: What it was decided on.
        there: Whether they work already.
    """

    def __init__(self, pilot: Helm, offer: Offer, signals: Signals, *, there: bool = False) -> None:
        self._pilot, self._offer, self._signals = pilot, offer, signals
        self._began = pilot.now()
        begun = there or offer.kind != "process"
        self._count: Count | None = Count(self._began, pilot.spent()) if begun else None
        self._lately = Count(self._began, pilot.spent())
        self._bad = 0
        self._kept = False  # whether they have helped so far
        self._warm: set[str] = set()  # workers that have run something
        self._hastens = self._count is None  # whoever sends them their chunks wants the GIL, which the caller may have
        if self._hastens:
            HANDOVER.hasten(AT_ONCE)
        free = not pilot.house.machine.gil and offer.kind == "thread"
        span = LONG_TRIAL if offer.kind == "process" else FREE_TRIAL if free else TRIAL
        self._free = free
        self._hampered = 0  # windows in a row in which they seemed to be in each other's way
        self._beside = self._leave_one(offer)
        self._span = min(LONGEST_TRIAL, span * (1 + LENGTHENED * signals.delayed))
        pilot.due = self._began + BRISK

    def take(self, size: int) -> None:
        """The caller works until they are there."""

    def ran(self, returned: Returned) -> None:
        """What it has done meanwhile: the first item that is done says whether it was judged rightly."""
        signals = self._signals
        self._take_all()
        if returned.values and not signals.alone and SHORTER * returned.seconds < signals.item * len(returned.values):
            self._pilot.look_again()

    def heard(self, returned: Returned) -> None:
        """The others have done something."""
        self._relax()
        if self._count is None:
            now = self._pilot.now()
            self._pilot.house.started(max(0.0, now - self._began - returned.seconds))
            self._pilot.works = False
            self._count = Count(now, self._pilot.spent())
            return
        self._count.note(returned)
        self._lately.note(returned)
        if returned.worker in self._warm and returned.values:
            self._pilot.spread.note(len(returned.values), returned.cpu or 0.0, self._offer.kind)
        self._warm.add(returned.worker)

    def end(self) -> None:
        """Nobody is on the way any more."""
        self._relax()

    def look(self, now: float) -> None:
        """Judge a window, if there is one."""
        pilot, count = self._pilot, self._count
        often = not self._free and (pilot.sparing or (not self._kept and now < self._began + 2 * EARLY))
        pilot.due = now + (BRISK if count is None else OFTEN if often else CALM)
        crew = pilot.crews.others
        if count is None or crew is None:
            return
        if pilot.crews.leaving and self._offer.kind == "thread" and now < self._began + ALONE:
            self._count = Count(now, pilot.spent())  # beside processes that finish what they hold, this says nothing
            return
        if self._offer.kind == "process" and self._waits_by_now(now, crew):
            return
        seconds = now - count.began
        delayed = count.delay / count.own if count.own else 0.0
        longest = min(BUSIEST, LONGEST_TRIAL * (1 + max(delayed, self._signals.delayed)))
        few = count.items < max(ITEMS, 2 * crew.width) and seconds < longest
        early = not self._kept and seconds > EARLIER and len(self._warm) >= crew.width
        if (seconds < self._span and not early) or few or not count.own:
            return
        spent = pilot.spent()
        work = self._work(count, seconds, spent, crew)
        if early and seconds < self._span:
            enough = PLAINLY if seconds > EARLY else NEXT_TO
            if work.gain(self._signals, unlike=pilot.spread.wide) > enough:
                return
        full = pilot.crews.out >= crew.width
        hampered = full and self._are_hampered(work, (spent - count.spent) / seconds)
        if hampered and seconds < 2 * self._span:  # who began together comes back together: that is no rate yet
            return
        self._count = Count(now, spent)
        if not full:  # they had not enough to do
            return
        pilot.record.measure(self._offer.kind, self._offer.workers, work.rate, self._offer.threads)
        self._hampered = self._hampered + 1 if hampered else 0
        if hampered and not (self._free and self._hampered == 1):
            pilot.drop(self._offer, work, self._signals)
        else:
            self._judge(work, count)

    def _relax(self) -> None:
        """They are there."""
        hastens, self._hastens = self._hastens, False
        if hastens:
            HANDOVER.leave(AT_ONCE)

    def _leave_one(self, offer: Offer) -> bool:
        """Have one process less while the caller is in a long item of few, if they would want its processor."""
        pilot, cpus = self._pilot, self._pilot.house.machine.cpus
        if offer.kind != "process" or offer.threads > 1 or not offer.workers >= cpus > 1:
            return False
        if pilot.left is None or pilot.left > FEW * offer.workers:
            return False
        crew, glance = pilot.crews.others, pilot.glance()
        if crew is None or glance is None or glance.in_hand < BESIDE:
            return False
        crew.resize(cpus - 1)
        return True

    def _take_all(self) -> None:
        """The caller is back: all of them have what they want, and if they must be there by now, it rests."""
        beside, self._beside = self._beside, False
        crew, pilot = self._pilot.crews.others, self._pilot
        if not beside or crew is None:
            return
        crew.resize(self._offer.workers)
        if pilot.now() - self._began > pilot.house.starts():
            pilot.works = False

    def _are_hampered(self, work: Work, computed: float) -> bool:
        """Whether threads are in each other's way: whatever items there are now, no look at the caller tells more.

        *computed*: how many processors this process has kept busy.
        """
        if self._kept or self._offer.kind != "thread" or work.delayed > CROWDED:
            return False
        could = min(self._offer.workers, self._pilot.house.machine.cpus) * self._signals.share
        return work.gain(self._signals, unlike=False) < HARMS and computed < TOGETHER * could

    def _work(self, count: Count, seconds: float, spent: float, crew: Crew) -> Work:
        """What was done in the window."""
        pilot = self._pilot
        beside = max(0.0, spent - count.spent - (count.cpu if self._offer.kind == "thread" else 0.0)) / seconds
        delayed = by_strangers(count, seconds, beside, (crew.width * crew.together, pilot.house.machine.cpus))
        return Work(count.items, seconds, count.cpu, delayed)

    def _judge(self, work: Work, count: Count) -> None:
        pilot, kind = self._pilot, self._offer.kind
        if self._waits(count, work):
            return
        # That the caller was quicker may be due to its items: it runs some of these before anything is concluded.
        gain = work.gain(self._signals, unlike=pilot.spread.wide and kind == "process")
        crowded = work.delayed > CROWDED
        idle = not crowded and count.busy / work.seconds < HARDLY
        bad = idle or gain < (HARDLY if kind == "process" else HELPS)
        self._bad = self._bad + 1 + (gain < HARMS and not self._free) if bad else 0
        if not bad:
            if not self._kept:
                self._kept = True
                pilot.keep()
            pilot.past.tell(same=True)
            pilot.past.measured(kind, self._offer.workers, work.rate)
        plainly = kind == "process" and not self._kept and not crowded and gain < PLAINLY
        if plainly or self._bad >= pilot.proofs * (1 + crowded):  # where it is crowded, it takes more of them
            pilot.doubt(self._offer, work)

    def _waits_by_now(self, now: float, crew: Crew) -> bool:
        """Whether the work seems to compute no more, as far as the last moments tell."""
        lately = self._lately
        if now < lately.began + LATELY or lately.items < max(ITEMS, 2 * crew.width):
            return False
        spent = self._pilot.spent()
        self._lately = Count(now, spent)
        return self._waits(lately, self._work(lately, now - lately.began, spent, crew))

    def _waits(self, count: Count, work: Work) -> bool:
        """Whether it does, by what came back, which was so much *work*; then the caller looks."""
        share = count.cpu / count.own if count.own else 1.0
        if self._signals.share <= WAITING or share >= self._pilot.waits or self._offer.threads > 1:
            return False
        plainly = work.gain(self._signals, unlike=self._pilot.spread.wide) < PLAINLY
        self._pilot.suspect(share, (self._offer, work) if plainly else None)
        return True
