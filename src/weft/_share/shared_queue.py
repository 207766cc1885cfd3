"""A queue that several processes have: the lane's bytes as values, and those who wait, threads and coroutines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import Empty, Full
from struct import error as StructError  # noqa: N812  it is none of this module's
from time import monotonic
from typing import Any, Final

from .._transport.codec import loads
from .._transport.robust import SPELL
from .._transport.spin import LOOK as LOOK_AGAIN
from .._transport.spin import Spin
from ..errors import ChannelBroken, ItemLost
from .lane import Lane
from .local_queue import check_timeout
from .ring import DEATHS, NUMBER, Claim, Taken
from .store import Store
from .waiters import Ear

# How often who does not wait looks whether somebody has died.
LOOK: Final = 0.1  # seconds


class SharedQueue:
    """A lane of a store, with the methods of ``queue.Queue``.

    Args:
        store: The store.
        place: Which of its lanes.

    Attributes:
        before_put: Called now and then by whoever puts; may raise.
        while_empty: Called now and then by whoever waits for an item, after the dead have been looked after; may raise.
    """

    def __init__(self, store: Store, place: int = 0) -> None:
        self.store = store
        self._lane: Lane = store.lanes[place]
        self._free_claims = self._lane.free_claims
        self._cargo, self._board = store.cargo, store.board
        self.before_put: Callable[[], object] = bool
        self.while_empty: Callable[[], object] = bool
        self._look_at = 0.0
        self._spin_to_put, self._spin_to_take = Spin(), Spin()
        lane = self._lane
        lane.apart.then = self._spin_to_take.forget  # it was the other side that had the processor
        self._getters = Ear(lambda: lane.wait_for_item(SPELL), self._worth_getting, lane.wake_next_taker)
        self._putters = Ear(lambda: lane.wait_for_room(SPELL), self._worth_putting, lane.wake_next_putter)
        store.board.renewed += [self._getters.renew, self._putters.renew]
        store.board.closing[:0] = [self._getters.close, self._putters.close]

    @classmethod
    def of(cls, store: Store, place: int = 0) -> SharedQueue:
        """The one of this process."""
        queue: SharedQueue = store.queues.setdefault(place, cls(store, place))
        return queue

    def adopt(self, items: Iterable[Any], unfinished: int, *, closing: bool) -> None:
        """Begin with *items*, so many *unfinished*, and perhaps shut down.

        Raises:
            NotSendable: One of them can't travel.
        """
        lane = self._lane
        most, lane.most = lane.most, 0
        for item in items:
            lane.put(*self._cargo.pack(item))
        lane.most = most
        lane.begin_with(unfinished)
        if closing:
            self.shutdown()

    # ── in threads ────────────────────────────────────────────────────────────────────────────────────────

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put *item* in."""
        lane = self._lane
        if lane.most and (not block or timeout is not None):
            self._check_put(block, timeout)
        if monotonic() > self._look_at:
            self._look_at = monotonic() + LOOK
            self._board.check()
            self.before_put()
        try:
            if type(item) is int and (lane.put(item, NUMBER) or self._wait_to_put(item, NUMBER, block, timeout)):
                return
        except StructError:  # it is too large a number
            pass
        data, kind = self._cargo.pack(item)
        try:
            _ = lane.put(data, kind) or self._wait_to_put(data, kind, block, timeout)
        except BaseException:
            self._cargo.discard(data, kind)
            raise

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the next item out."""
        if timeout is not None and block:
            check_timeout(timeout)
        lane = self._lane
        try:
            claim = self._free_claims.pop()
        except IndexError:
            claim = lane.claim()
        try:  # all of it: Ctrl-C may come at any step, and what was taken by then is another's
            data, kind, deaths = lane.take(claim) or self._wait_to_take(claim, block, timeout)
            if deaths or kind > NUMBER:
                data = self._receive(data, kind, deaths)
            elif kind != NUMBER:
                data = loads(data)
            lane.words[claim[0]] = claim[1]()  # as :meth:`Lane.strike_out` has it
            self._free_claims.append(claim)
        except Exception:
            lane.give_up(claim, arrived=True)
            raise
        except BaseException:
            lane.give_up(claim, arrived=False)
            raise
        if kind > NUMBER:
            self._cargo.settle()
        return data

    def task_done(self) -> None:
        """One of those taken is finished."""
        if not self._lane.done():
            raise ValueError("task_done() called too many times")

    def join(self) -> None:
        """Wait until all are finished."""
        lane = self._lane
        while unfinished := lane.unfinished:
            lost = lane.lost
            if lost and unfinished <= lost and not lane.count:
                what = "1 item" if unfinished == 1 else f"{unfinished} items"
                raise ItemLost(
                    f"{what} of this channel will never be finished: processes that had taken them have died without "
                    "task_done()"
                )
            lane.wait_for_end(SPELL)
            lane.look_after(SPELL / 2)

    def shutdown(self, immediate: bool = False) -> None:
        """Take no more items, and if *immediate* give none."""
        self._lane.shut_down(immediate=immediate, discard=self._cargo.discard)

    @property
    def count(self) -> int:
        """How many items there are."""
        return self._lane.count

    @property
    def unfinished(self) -> int:
        """How many are not finished."""
        return self._lane.unfinished

    @property
    def closing(self) -> bool:
        """Whether it has been shut down."""
        return bool(self._lane.closing)

    def poll(self, timeout: float | None) -> bool:
        """Whether there is an item, or none will come; waits up to *timeout* seconds."""
        lane, ending = self._lane, None if timeout is None else monotonic() + timeout
        while not lane.count and not lane.closing:
            left = SPELL if ending is None else min(SPELL, ending - monotonic())
            if left <= 0:
                return False
            lane.wait_for_item(left)
            if not lane.count:
                self._look_after(SPELL / 2)
            lane.wake_next_taker()  # for this one takes nothing
        return True

    # ── in coroutines ─────────────────────────────────────────────────────────────────────────────────────

    async def aput(self, item: Any, timeout: float | None = None) -> None:
        """Put *item* in."""
        ending = None if timeout is None else monotonic() + timeout
        while True:
            waiters = self._putters.waiters
            waiter = waiters.enter()
            try:
                return self.put(item, block=False)
            except Full:
                if ending is not None and monotonic() >= ending:
                    raise
                await waiters.wait(waiter, None if ending is None else ending - monotonic())
            finally:
                waiters.leave(waiter)

    async def aget(self, timeout: float | None = None) -> Any:
        """Take the next item out."""
        ending = None if timeout is None else monotonic() + timeout
        while True:
            waiters = self._getters.waiters
            waiter = waiters.enter()
            try:
                return self.get(block=False)
            except Empty:
                if ending is not None and monotonic() >= ending:
                    raise
                await waiters.wait(waiter, None if ending is None else ending - monotonic())
            finally:
                waiters.leave(waiter)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _check_put(self, block: bool, timeout: float | None) -> None:
        """Refuse at once what would be refused after all, before it is pickled."""
        lane = self._lane
        if block:
            if timeout is not None:
                check_timeout(timeout)
        elif lane.count >= lane.most and not lane.closing:
            lane.look_after(LOOK)
            raise Full

    def _wait_to_put(self, data: Any, kind: int, block: bool, timeout: float | None) -> bool:
        lane = self._lane
        if not block:
            raise Full
        for left in _spells(timeout):
            if left > LOOK_AGAIN and self._spin_to_put.behind(lane.glance_for_room):
                if lane.put(data, kind):
                    return True
                continue
            lane.wait_for_room(left)
            if lane.put(data, kind):
                lane.wake_next_putter()
                return True
            lane.look_after(SPELL / 2)
        raise Full

    def _wait_to_take(self, claim: Claim, block: bool, timeout: float | None) -> Taken:
        lane = self._lane
        if not block:
            self._look_after(LOOK)
            if (taken := lane.take(claim)) is None:
                raise Empty
            return taken
        for left in _spells(timeout):
            if left > LOOK_AGAIN and self._spin_to_take.behind(lane.glance_for_item):
                if (taken := lane.take(claim)) is not None:
                    return taken
                continue
            lane.wait_for_item(left)
            if (taken := lane.take(claim)) is not None:
                lane.wake_next_taker()
                return taken
            self._look_after(SPELL / 2)
        raise Empty

    def _receive(self, data: Any, kind: int, deaths: int) -> Any:
        if deaths >= DEATHS:
            self._cargo.discard(data, kind)
            raise ItemLost(f"an item of this channel was given up: {deaths} processes have died while they took it")
        return self._cargo.unpack(data, kind)

    def _look_after(self, pause: float) -> None:
        self._lane.look_after(pause)
        self.while_empty()

    def _worth_getting(self) -> int:
        return self._worth(self._lane.count)

    def _worth_putting(self) -> int:
        return self._worth(max(0, self._lane.most - self._lane.count) if self._lane.most else 1)

    def _worth(self, count: int) -> int:
        """How many to wake for *count*: all, where what they wait for will never be."""
        try:
            self._look_after(SPELL / 2)
        except ChannelBroken:
            return 1 << 30
        return 1 << 30 if self._lane.closing else count


def _spells(timeout: float | None) -> Any:
    """A wait of *timeout* seconds in spells, so that signals are seen, and deaths."""
    ending = None if timeout is None else monotonic() + timeout
    while True:
        left = SPELL if ending is None else min(SPELL, ending - monotonic())
        if left <= 0:
            return
        yield left
