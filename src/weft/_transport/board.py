"""Memory without a name that any process of the machine can join, given its address; it needs no server.

Everybody who has joined is a member, and holds a lock on one byte of it as long as he lives: so everybody can see who
is dead, and put in order what he left. It is there as long as the process that made it. See docs/design/channels.md.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final, NamedTuple

from ..errors import ChannelBroken, check_limits
from .area import GRAIN, area_size, default_budget, map_for
from .robust import Locks, Reentered, locks

with suppress(ImportError):  # where there is none, nothing of this can be made
    import fcntl

NAME: Final = "weft-board"
MAGIC: Final = 0x3154_4645_5700_0002  # changes with the layout
FRONT: Final = 192 * 1024  # bytes: what is mapped by every member for good
LANES: Final = 64 * 1024  # where lanes begin, each of so many bytes
AREAS: Final = 1 << 42  # where the areas of the members begin
MEMBERS: Final = 512  # at the same time

# The head, in words of 8 bytes.
_MAGIC, _SECRET, _PID, _AREA, _TICKETS, _USED, _LATEST = 0, 1, 3, 4, 5, 6, 7
_LOCK: Final = 2048  # bytes
_TICKET: Final = 4096  # bytes: where one byte for each ticket begins
TICKETS: Final = 4096  # that can be under way
PATIENCE: Final = 60.0  # seconds that an address may be under way

# Members, in words.
_MEMBER: Final = 8192 // 8
_WIDTH: Final = 8
STATE, MEMBER_PID, LEFT, HAS_AREA = 0, 1, 2, 3
ROLES: Final = (4, 5)  # of each lane, whether the member may use, or has used, the end that puts there
DONE: Final = (6, 7)  # of each lane, how often the member has said that something is done
PASSIVE, ACTIVE = 1, 2
CROWD: Final = 16  # so many have been members: whoever becomes one looks for those who are dead
FREE, ALIVE, ESTATE = 0, 1, 2  # no member; one; one who has left things that somebody looks at

_NOTHING: Final = memoryview(b"")

_FLOCK: Final = struct.Struct("hhqqi4x")


class Address(NamedTuple):
    """Where a board is.

    Attributes:
        pid: The process that made it.
        fd: Its descriptor there.
        secret: What the board itself says: another process may have the number by now.
    """

    pid: int
    fd: int
    secret: bytes


class Board:
    """A board that this process is a member of. Made by :mod:`weft._transport.boards`.

    Args:
        fd: Its descriptor, owned from now on.
        address: Where it is.

    Attributes:
        words: Its front, in words of 8 bytes.
        number: Which member this process is; 0 is the one that made it.
        area_size: Bytes of addresses that each member has for what is large.
        store: Whatever stands on it in this process.
        needed: Tells whether this process uses anything of it, with or without a handle.
        heirs: Called with the number of a member who is dead, and whether he said that he leaves, while nobody else
            puts things in order; tells whether nothing is left of him.
    """

    def __init__(self, fd: int, address: Address) -> None:
        try:
            memory = map_for("a channel", fd, 0, FRONT)
        except BaseException:
            os.close(fd)
            raise
        import ctypes

        self.fd, self.address = fd, address
        self._first: Any = ctypes.c_char.from_buffer(memory)  # also keeps the memory mapped
        self.bytes = memoryview(memory)
        self.words = self.bytes.cast("Q")
        self.locks: Locks = locks()
        self.lock = self.pointer(_LOCK)
        self.number = -1
        self.life = -1
        self.heirs: Callable[[int, bool], bool] = lambda number, left: True
        self.store: Any = None
        self.needed: Callable[[], bool] = bool
        self.renewed: list[Callable[[], None]] = []  # called in a forked copy
        self.closing: list[Callable[[], None]] = []  # called before this process leaves
        self.anchors = 0
        self._issued: dict[int, int] = {}  # the last ticket of each mark
        self._unborn: tuple[int, int] | None = None

    def lay(self) -> None:
        """Have an empty board there; for the one who makes it."""
        self.bytes[_SECRET * 8 : _SECRET * 8 + 16] = self.address.secret
        self.words[_PID], self.words[_AREA] = os.getpid(), -(-area_size(default_budget()) // GRAIN) * GRAIN
        self.locks.make(self.lock)

    def finish(self) -> None:
        """It is ready for others."""
        self.words[_MAGIC] = MAGIC

    def is_that_of(self, address: Address) -> bool:
        """Whether this is the board that the address is of."""
        secret = bytes(self.bytes[_SECRET * 8 : _SECRET * 8 + 16])
        return self.words[_MAGIC] == MAGIC and secret == address.secret

    def pointer(self, offset: int) -> Any:
        """The address of a byte of the front."""
        return self.locks.pointer(self._first, offset)

    @contextmanager
    def locked(self, lock: Any) -> Iterator[bool]:
        """Hold a *lock*; yields whether its last holder died with it. Not for what is called often."""
        held, died = True, False
        try:  # nothing may come between the lock and the try: Ctrl-C may come after any call
            if status := self.locks.trylock(lock):
                died = self.locks.struggle(lock, status)
            yield died
        except Reentered as error:
            held = error.lock is not lock
            raise
        finally:
            if held:
                self.locks.unlock(lock)

    # ── members ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def area_size(self) -> int:
        """Bytes of addresses that each member has for what is large."""
        return self.words[_AREA]

    def area(self, number: int) -> int:
        """Where a member's area begins."""
        return AREAS + number * self.area_size

    def field(self, number: int, field: int) -> int:
        """The index of a member's word."""
        return _MEMBER + number * _WIDTH + field

    def member(self, number: int, field: int) -> int:
        """A member's word."""
        return self.words[self.field(number, field)]

    def members(self) -> Iterator[int]:
        """All who live, or have left something."""
        for number in range(self.words[_USED]):
            if self.member(number, STATE) != FREE:
                yield number

    def is_alive(self, number: int) -> bool:
        """Whether the member lives: then the byte is locked, and else it is not."""
        if number == self.number:
            return True
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0)
        return bool(_FLOCK.unpack(fcntl.fcntl(self.life, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK)

    @property
    def broken(self) -> bool:
        """Whether the process that made it is gone."""
        return self.number != 0 and not self.is_alive(0)

    def check(self) -> None:
        """Raise if the process that made it is gone."""
        if self.broken:
            raise ChannelBroken(f"the process that made this channel (pid {self.address.pid}) is gone")

    def join(self) -> None:
        """Become a member."""
        if self.words[_USED] > CROWD:
            self.number, self.life = -1, os.open(f"/proc/self/fd/{self.fd}", os.O_RDWR | os.O_CLOEXEC)
            try:
                self.reap()
            finally:
                os.close(self.life)
        with self.locked(self.lock):
            self.number, self.life = self._admit()

    def _admit(self) -> tuple[int, int]:
        """A new member, and the descriptor that it lives by; the lock is held."""
        words = self.words
        for number in range(MEMBERS):
            if number < words[_USED] and self.member(number, STATE) != FREE:
                continue
            life = os.open(f"/proc/self/fd/{self.fd}", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.fcntl(life, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0))
            except BlockingIOError:  # a copy of somebody who is gone, on its way to another program
                os.close(life)
                continue
            for field in range(1, _WIDTH):
                words[self.field(number, field)] = 0
            words[self.field(number, MEMBER_PID)] = os.getpid()
            words[_USED] = max(words[_USED], number + 1)
            words[self.field(number, STATE)] = ALIVE
            return number, life
        raise ChannelBroken(f"this channel has {MEMBERS} processes already")

    def reap(self) -> bool:
        """Put in order what dead members have left; whether there was anything. Anybody may, at any time."""
        gone = [
            number for number in self.members() if self.member(number, STATE) == ESTATE or not self.is_alive(number)
        ]
        if not gone:
            return False
        with self.locked(self.lock):
            for number in gone:
                if self.member(number, STATE) == FREE or (
                    self.member(number, STATE) == ALIVE and self.is_alive(number)
                ):
                    continue  # somebody else was first
                left = bool(self.member(number, LEFT)) or self.member(number, STATE) == ESTATE
                nothing = self.heirs(number, left)
                self.words[self.field(number, STATE)] = FREE if nothing else ESTATE
        return True

    # ── addresses under way ───────────────────────────────────────────────────────────────────────────────

    def issue(self, mark: int = 1) -> int:
        """A ticket for an address that is given away: the board stays as long as one is under way, of any *mark*.

        As long as one from here has not arrived, it is the same: what is pickled twice and sent once leaves none.
        """
        ticket = self._issued.get(mark, -1)
        with self.locked(self.lock):
            self.words[_LATEST] = int(monotonic())
            if ticket < 0 or self.bytes[_TICKET + ticket % TICKETS] != mark:
                ticket = self._issued[mark] = self.words[_TICKETS]
                self.words[_TICKETS] = ticket + 1
                self.bytes[_TICKET + ticket % TICKETS] = mark
        return ticket

    def redeem(self, ticket: int) -> None:
        """It has arrived."""
        self.bytes[_TICKET + ticket % TICKETS] = 0

    def under_way(self, mark: int | None = None) -> bool:
        """Whether a ticket has not been redeemed, one of that *mark* or any: not for ever, for it may be lost."""
        if monotonic() - self.words[_LATEST] > PATIENCE:
            return False
        tickets = bytes(self.bytes[_TICKET : _TICKET + TICKETS])
        return any(tickets) if mark is None else mark in tickets

    # ── memory ────────────────────────────────────────────────────────────────────────────────────────────

    def fill(self, offset: int, size: int) -> None:
        """Have memory there, now, where a lack of it is an error and not a signal.

        Raises:
            LimitReached: There is none.
        """
        try:
            os.posix_fallocate(self.fd, offset, size)
        except OSError as error:
            check_limits(error, "what is in a channel")
            raise

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────

    def say_goodbye(self) -> None:
        """Note that this process leaves by itself."""
        if self.number >= 0:
            self.words[self.field(self.number, LEFT)] = 1

    def close(self) -> None:
        """Be no member any more. Takes no lock: others put in order what is left."""
        for close in self.closing:
            close()
        self.lock = self.locks.nowhere
        self.store = self._first = None  # or what stands on it keeps it mapped until the garbage is collected
        self.heirs, self.needed, self.renewed, self.closing = lambda number, left: True, bool, [], []
        self.say_goodbye()
        self.words, self.bytes = _NOTHING.cast("Q"), _NOTHING
        for fd in (self.life, self.fd):
            if fd >= 0:
                os.close(fd)
        self.life = self.fd = -1

    @property
    def spare(self) -> bool:
        """Whether nobody can miss it: no handle here, no other member, no address under way."""
        if self.anchors or self.needed():
            return False
        if self.number:
            return True
        if self.under_way():
            return False
        return not any(
            self.member(number, STATE) == ALIVE and self.is_alive(number) for number in self.members() if number
        )

    # ── forks ─────────────────────────────────────────────────────────────────────────────────────────────

    def conceive(self) -> None:
        """Before a fork: what is born by it is a member from the first moment on."""
        with suppress(OSError, ChannelBroken, Reentered):
            self.reap()
            with self.locked(self.lock):
                self._unborn = self._admit()
            for role in ROLES:
                held = self.words[self.field(self.number, role)]
                self.words[self.field(self._unborn[0], role)] = min(held, PASSIVE)

    def bear(self) -> None:
        """After a fork, in the parent: the child lives by its own copy."""
        unborn, self._unborn = self._unborn, None
        if unborn is not None:
            os.close(unborn[1])

    def be_born(self) -> None:
        """After a fork, in the child."""
        os.close(self.life)  # or the parent would seem to live as long as this process
        self.number, self.life = self._unborn or (-1, -1)
        self._unborn, self._issued = None, {}
        if self.number < 0:  # there was no room, or no descriptor to be had
            self.join()
        self.words[self.field(self.number, MEMBER_PID)] = os.getpid()
        for renew in self.renewed:
            renew()
