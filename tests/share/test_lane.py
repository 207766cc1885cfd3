"""Lanes: bytes in order through memory that processes share, whatever the sizes, and whoever stops in the middle."""

from __future__ import annotations

import os
import random
from collections import deque
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft._share.lane import Lane
from weft._share.ring import BRIEF, COUNT, COUNT_BITS, DEATHS, DONE, HEAD, LEAST, NUMBER, PLACE, STRUCK, TAIL
from weft._share.store import create_store
from weft._transport.boards import sweep


class Handle:
    """What keeps a store alive."""


class Interrupted:
    """A lane's *words*: at the step *where*, reading or writing one, there comes a Ctrl-C."""

    def __init__(self, words, where):
        self._words, self._left = words, where

    def __getitem__(self, at):
        self._step()
        return self._words[at]

    def __setitem__(self, at, value):
        self._step()
        self._words[at] = value

    def _step(self):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def made(random_, nbytes, kind):
    """So many bytes of that kind; or a number, if that is the kind."""
    return (random_.randrange(-(2**63), 2**63) if kind == NUMBER else random_.randbytes(nbytes)), kind


def took(lane):
    """The next one's bytes, or the number, and its kind."""
    claim = lane.claim()
    taken = lane.take(claim)
    if taken is None:
        lane.give_up(claim, arrived=True)
        return None
    lane.strike_out(claim)
    return taken[:2]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from([0, 1, 7, 8, 9, 100, 5000, LEAST // 2, LEAST, 3 * LEAST])),
        st.tuples(st.just("take"), st.integers(1, 5)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, most=st.sampled_from([0, 1, 3]))
def test_a_lane_is_a_queue_whatever_the_sizes(steps, most):
    """The ring wraps, skips its rest, grows and shrinks: what comes out is what went in, in that order."""
    handle = Handle()
    store = create_store(handle, [most])
    lane, model, put = store.lanes[0], deque(), 0
    for step, number in steps:
        if step == "put":
            put += 1
            record = made(random.Random(put), number, 2 * (put % 7))
            assert lane.put(*record) == (not most or len(model) < most)
            if not most or len(model) < most:
                model.append(record)
        else:
            for _ in range(number):
                if model:
                    assert_next(lane, model)
                else:
                    assert took(lane) is None
        assert lane.count == len(model)
    while model:
        assert_next(lane, model)
    assert took(lane) is None
    del handle
    sweep()


@pytest.mark.parametrize("two", [False, True])
def test_what_is_brief_goes_round_and_round_among_what_is_not(store, two):
    """Many are there at a time, so that both sides go far without a look at the other; another may come between."""
    lane, random_, model, put = store.lanes[0], random.Random(7), deque(), 0
    lanes = [lane, Lane(store.board, 0)] if two else [lane]  # as another member sees it
    for _ in range(300):
        for _ in range(random_.randrange(120)):
            put += 1
            record = made(random_, random_.choice([0, 1, 5, 6, 7, 8, BRIEF, BRIEF + 1, 400]), 2 * (put % 3))
            assert random_.choice(lanes).put(*record)
            model.append(record)
        for _ in range(min(random_.randrange(120), len(model))):
            assert_next(random_.choice(lanes), model)
    while model:
        assert_next(random_.choice(lanes), model)
    assert took(lane) is None


def test_positions_and_counts_begin_anew(store):
    """After 512 GiB, and after 2 to the 28th items; neither runs into the other."""
    lane, model = store.lanes[0], deque()
    lane.words[HEAD] = lane.words[TAIL] = lane.words[DONE] = (PLACE - 2000) << COUNT_BITS | (COUNT - 3000)
    for n in range(6000):
        model.append((bytes([n & 255]) * (n % 20), 0))
        assert lane.put(*model[-1])
        if n % 300 == 299:
            assert lane.count == len(model)
            while len(model) > 40:
                assert_next(lane, model)
    assert lane.unfinished == 6000
    assert lane.words[HEAD] >> COUNT_BITS < PLACE // 2
    assert lane.words[HEAD] & COUNT == 2999


def assert_next(lane, model):
    """That it is what was put first."""
    assert took(lane) == model.popleft()


def test_a_ring_that_was_large_becomes_small_again(store):
    """One burst does not keep its memory for ever."""
    lane = store.lanes[0]
    for _ in range(40):
        assert lane.put(bytes(2**20), 0)
    assert held(store) >= 40 * 2**20
    while took(lane):
        pass
    lane.wait_for_item(0)
    assert held(store) < 2**20
    lane.put(b"small", 0)
    assert took(lane) == (b"small", 0)


def held(store):
    """Bytes of memory."""
    return os.fstat(store.board.fd).st_blocks * 512


def test_what_was_taken_and_did_not_arrive_is_the_next_that_is_taken(store):
    """Before everything that was put later, and once."""
    lane = store.lanes[0]
    for n in range(5):
        lane.put(bytes([n]), 0)
    first, second = lane.claim(), lane.claim()
    lane.take(first), lane.take(second)
    lane.give_up(second, arrived=False)
    lane.give_up(first, arrived=False)
    assert lane.count == 5
    assert [took(lane)[0] for _ in range(5)] == [bytes([n]) for n in range(5)]
    assert took(lane) is None


@pytest.mark.parametrize("number", [False, True])
@pytest.mark.parametrize("many", [4, 40])
@pytest.mark.parametrize("where", range(1, 9))
def test_an_interrupt_in_the_middle_of_taking_loses_nothing_and_doubles_nothing(store, many, where, number):
    """Ctrl-C may come after any step; so may a SIGKILL, which the next who takes the lock is told of."""
    lane = store.lanes[0]
    every = [n if number else bytes([n]) for n in range(many)]
    for each in every:
        lane.put(each, NUMBER if number else 0)
    seen = [took(lane)[0]]
    words = lane.words
    claim = lane.claim()
    lane.words = Interrupted(words, where)
    try:
        taken = lane.take(claim)
    except KeyboardInterrupt:
        lane.words = words
        lane.give_up(claim, arrived=False)
    else:
        lane.words = words
        seen.append(taken[0])
        lane.strike_out(claim)
    while (record := took(lane)) is not None:
        seen.append(record[0])
    assert seen == every


@pytest.mark.parametrize("most", [1, 7, 40, 700])
def test_numbers_go_in_quickly_and_never_more_than_there_is_room_for(most):
    """How far one can go without a look at the room is looked up ahead; others put, and take, meanwhile."""
    handle = Handle()
    store = create_store(handle, [most])
    lanes = [store.lanes[0], Lane(store.board, 0)]  # one as another member sees it
    random_, model = random.Random(most), deque()
    for n in range(6000):
        if random_.random() < (0.7 if n % 3000 < 1500 else 0.3):
            assert random_.choice(lanes).put(n, NUMBER) == (len(model) < most)
            if len(model) < most:
                model.append((n, NUMBER))
        elif model:
            assert_next(random_.choice(lanes), model)
        assert lanes[0].count == len(model)
    while model:
        assert_next(lanes[0], model)
    lanes[1].close()
    del handle
    sweep()


def test_what_a_dead_taker_gives_back_takes_room(store):
    """It is counted, for those who put numbers quickly too."""
    lane = store.lanes[0]
    lane.most = 100
    for n in range(50):
        assert lane.put(n, NUMBER)
    claim = lane.claim()
    lane.take(claim)
    lane.give_up(claim, arrived=False)
    assert lane.count == 50
    for n in range(50):
        assert lane.put(n, NUMBER)
    assert not lane.put(0, NUMBER)
    assert took(lane)[0] == 0


@pytest.mark.parametrize("data", [b"in the middle", b"in the middle" * 50])
@pytest.mark.parametrize("where", range(1, 12))
def test_an_interrupt_in_the_middle_of_putting_leaves_nothing_half_written(store, where, data):
    """It is there, whole, or it is not there."""
    lane = store.lanes[0]
    lane.put(b"before", 0)
    words = lane.words
    lane.words = Interrupted(words, where)
    with suppress(KeyboardInterrupt):
        lane.put(data, 0)
    lane.words = words
    lane.put(b"after", 0)
    found = [took(lane)[0] for _ in range(lane.count)]
    assert [each for each in found if each != data] == [b"before", b"after"]


def test_an_item_that_kills_whoever_takes_it_is_given_up(store):
    """After so many deaths it is reported, and kills nobody any more."""
    lane = store.lanes[0]
    lane.put(b"poison", 0)
    for died in range(DEATHS):
        data, _, deaths = lane.take(lane.claim())
        assert (data, deaths) == (b"poison", died)
        with lane.still():
            lane.inherit(store.board.number, left=False)
        lane.renew()
    assert lane.take(lane.claim())[2] == DEATHS


def test_it_is_shut_down_for_all(store):
    """First for those who put, and for those who take when it is empty."""
    lane = store.lanes[0]
    lane.put(b"last", 0)
    lane.shut_down(immediate=False, discard=print)
    with pytest.raises(weft.ShutDown):
        lane.put(b"too late", 0)
    assert took(lane) == (b"last", 0)
    with pytest.raises(weft.ShutDown):
        lane.take(lane.claim())


def test_deaths_are_counted_for_an_item_and_not_for_whoever_takes(store):
    """Three deaths with three items are nobody's fault."""
    lane = store.lanes[0]
    for n in range(5):
        lane.put(bytes([n]), 0)
    for n in range(4):
        claim = lane.claim()
        data, _, deaths = lane.take(claim)
        assert (data, deaths) == (bytes([n]), 0)
        with lane.still():
            lane.inherit(store.board.number, left=False)
        lane.renew()
        assert lane.take(claim)[0] == bytes([n])
        lane.strike_out(claim)


def test_what_is_struck_out_while_somebody_looks_is_seen_as_it_was(store):
    """Who has got what he took holds no lock when he says so: what he says there is no position."""
    lane = store.lanes[0]
    for n in range(3):
        lane.put(n, 2)
    claim = lane.claim()
    lane.take(claim)
    words = lane.words

    class Words:
        def __getitem__(self, at):
            value = words[at]
            if at == claim[0]:
                words[at] = STRUCK + 1
            return value

    with lane.still():
        lane.words = Words()
        seen = lane.contents()
        lane.words = words
    assert seen == [(2, n.to_bytes(8, "little")) for n in range(3)]
