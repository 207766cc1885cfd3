"""Looking before sleeping: as long as it pays, and as long as there is a processor to spare."""

from weft._transport.spin import AHEAD, CAUGHT_UP, CROWDED, GAVE_WAY, LOOK, REST, Spin


class Room:
    """A clock that goes on with every look, and something that comes at a certain time."""

    def __init__(self, step=LOOK / 100):
        self.now, self.step, self.looks = 1000.0, step, 0
        self.comes = float("inf")
        self.offered = 0
        self.spin = Spin(lambda: self.now, self.give_way)

    def give_way(self):
        self.offered += 1

    def tick(self):
        self.now += AHEAD / 10
        return self.now

    def look(self):
        self.looks += 1
        self.now += self.step
        return ["it"] if self.now >= self.comes else []

    def wait(self, comes_after):
        self.comes, self.looks = self.now + comes_after, 0
        return self.spin.until(self.look)


def test_what_comes_soon_is_found():
    room = Room()
    assert room.wait(LOOK / 2) == ["it"]
    assert room.looks > 1
    assert room.offered == room.looks - 1


def test_what_comes_late_is_left_to_the_system():
    room = Room()
    assert room.wait(LOOK * 100) == []
    assert 100 <= room.looks <= 102


def test_who_waits_long_again_and_again_looks_less_and_less():
    """The share of waits that begin with a look goes towards 1 in 1,025."""
    room = Room()
    looked = sum(bool(room.wait(LOOK * 100) == [] and room.looks) for _ in range(20_000))
    assert 10 < looked < 40


def test_one_success_is_enough_to_look_again():
    room = Room()
    for _ in range(6):
        room.wait(LOOK * 100)
    while not room.looks:
        room.wait(LOOK / 2)
    for _ in range(5):
        assert room.wait(LOOK / 2) == ["it"]


def test_who_gets_no_processor_rests_for_a_while():
    room = Room()
    room.step = CROWDED * 2
    room.wait(LOOK * 100)
    room.step = LOOK / 100
    assert room.wait(LOOK / 2) == []
    assert not room.looks
    room.now += REST[0]
    assert room.wait(LOOK / 2) == ["it"]


def test_it_rests_longer_if_that_happens_again_and_again():
    room = Room(step=CROWDED * 2)
    for _ in range(20):
        room.wait(LOOK * 100)
        room.now += REST[1]
    room.wait(LOOK * 100)
    room.now += REST[1] * 0.9
    room.wait(LOOK / 2)
    assert not room.looks


def test_it_recovers():
    room = Room(step=CROWDED * 2)
    for _ in range(20):
        room.wait(LOOK * 100)
        room.now += REST[1]
    room.step = LOOK / 100
    for _ in range(300):
        assert room.wait(LOOK / 2) == ["it"]
    room.step = CROWDED * 2
    room.wait(LOOK * 100)
    room.now += REST[0]
    room.wait(LOOK / 2)
    assert room.looks


def test_who_shares_a_processor_with_the_other_side_sleeps_now_and_then():
    """To be woken elsewhere."""
    room = Room(step=GAVE_WAY * 2)
    slept = sum(room.wait(LOOK / 2) == [] for _ in range(17 * 10))
    assert slept == 10


def test_what_was_found_late_is_not_lost():
    room = Room(step=CROWDED * 2)
    assert room.wait(0.0) == ["it"]


def test_who_has_caught_up_with_a_stream_lets_it_get_ahead():
    """On its heels, each would take lines of memory out of the other's cache."""
    room = Room(step=0.0)
    room.spin = Spin(room.tick, room.give_way)
    room.comes = room.now
    began = room.now
    for _ in range(CAUGHT_UP):
        assert not room.offered
        assert room.spin.behind(room.look) == ["it"]
    assert room.offered
    assert AHEAD <= room.now - began < 2 * AHEAD


def test_who_has_to_wait_has_not_caught_up():
    """One message there and back is not slower for it."""
    room = Room()
    for _ in range(10 * CAUGHT_UP):
        room.comes, room.looks, room.offered = room.now + 3 * room.step, 0, 0
        assert room.spin.behind(room.look) == ["it"]
        assert room.offered <= room.looks


def test_who_has_been_woken_lets_the_other_go_on():
    room = Room()
    for _ in range(3):
        room.spin.let_pass()
    assert room.offered == 3


def test_where_strangers_have_the_processor_nobody_is_let_pass_for_a_while():
    room = Room()
    room.spin = Spin(lambda: room.now, lambda: setattr(room, "now", room.now + 2 * CROWDED))
    began = room.now
    for _ in range(10):
        room.spin.let_pass()
    assert room.now == began + 2 * CROWDED
    room.now += REST[0]
    room.spin.let_pass()
    assert room.now > began + 4 * CROWDED
