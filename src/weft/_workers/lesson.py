"""What workers are told before there is anything to do: calls, packed once for all of them."""

from __future__ import annotations

from itertools import count

from .._model.chunk import Call
from .._transport.bundle import Bundle
from .._transport.channel import Frame
from .._transport.passage import KEPT
from .births import Birth
from .heritage import Heritage
from .ops import Op
from .parcel import pack_call
from .worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_CALLS: Final = count(1)


class Lesson:
    """A call, packed for workers.

    Args:
        call: The call.
        cpus: How many processors each may keep busy.
        rooted: Whether it shares its globals over there with others.
        settled: Whether its workers have found a place, a path and an environment.

    Attributes:
        number: Its own, in all of this process.
        told: Who has been told, where that is not noted elsewhere.

    Raises:
        NotSendable: The function can't be sent.
    """

    def __init__(self, call: Call, cpus: int | None, *, rooted: bool, settled: bool) -> None:
        self.number = next(_CALLS)
        self.told: set[Worker] = set()
        self._call: Call | None = call  # what it carries in shared memory is there as long as somebody may be told
        self._bundle = Bundle()
        try:
            with KEPT:
                self._packed = pack_call(call, cpus, self._bundle.fill, rooted=rooted, settled=settled)
        except BaseException:
            self._bundle.close()
            raise

    def frame(self, *, later: bool = False) -> Frame:
        """What a worker is told; *later* than something else, it need not settle down anew."""
        return Frame(Op.CALL, self.number, 0, later, 0, self._packed, self._bundle.share())

    @property
    def heavy(self) -> bool:
        """Whether there is something large in it."""
        return bool(self._bundle)

    def close(self) -> None:
        """Nobody will be told any more."""
        self._call = None
        self._bundle.close()


class Curriculum:
    """All that the workers of one crew are told: its own call, an initializer, calls that come later.

    Args:
        call: The crew's own.
        birth: How its workers are born.

    Attributes:
        number: Of the crew's own call.
        rooted: Whether calls share their globals over there.

    Raises:
        NotSendable: The function or the initializer can't be sent.
    """

    def __init__(self, call: Call, birth: Birth) -> None:
        self.rooted = call.initializer is not None or birth.family is not None
        self._cpus = birth.cpus
        self._settled = birth.family is not None
        self._own = Lesson(call, birth.cpus, rooted=self.rooted, settled=self._settled)
        self.number = self._own.number
        try:
            self._heritage = Heritage(call, born_here=birth.method == "fork") if call.initializer is not None else None
        except BaseException:
            self._own.close()
            raise
        self._later: dict[Call, Lesson] = {}
        self._untold: dict[Worker, list[Frame]] = {}

    def introduce(self, worker: Worker) -> None:
        """Tell a new one what all this is about."""
        worker.channel.send(self._own.frame())
        if self._heritage is not None:
            worker.channel.send(self._heritage.frame(self.number))
        worker.knows = self.number

    def teach(self, worker: Worker, call: Call) -> tuple[int, list[Frame]]:
        """The number of a call that came later, and what the worker is to be told first, if it does not know it."""
        lesson = self._later[call]
        if worker in lesson.told:
            return lesson.number, []
        lesson.told.add(worker)
        return lesson.number, [lesson.frame(later=True)]

    def includes(self, number: int) -> bool:
        """Whether that is the number of one of these calls."""
        return number == self.number or any(number == lesson.number for lesson in self._later.values())

    @property
    def longer(self) -> bool:
        """Whether chunks of other calls will come."""
        return bool(self._later)

    def add(self, call: Call) -> None:
        """Chunks of another *call* will come.

        Raises:
            NotSendable: The function can't be sent.
        """
        self._later[call] = Lesson(call, self._cpus, rooted=self.rooted, settled=self._settled)

    def remove(self, call: Call) -> None:
        """None of its chunks will come any more; those who know it are told when there is something else to say."""
        lesson = self._later.pop(call, None)
        if lesson is None:
            return
        for worker in lesson.told:
            self._untold.setdefault(worker, []).append(Frame(Op.FORGET, lesson.number, 0, 0, 0, b""))
            if lesson.heavy:
                worker.channel.send_all(self.untold(worker))
        lesson.close()

    def untold(self, worker: Worker) -> list[Frame]:
        """What the worker is still to be told, whom it would have woken."""
        return self._untold.pop(worker, [])

    @property
    def uninformed(self) -> list[Worker]:
        """Who is still to be told something."""
        return list(self._untold)

    @property
    def later(self) -> list[Call]:
        """The calls that came later."""
        return list(self._later)

    def left(self, worker: Worker) -> None:
        """The worker is gone."""
        self._untold.pop(worker, None)
        for lesson in self._later.values():
            lesson.told.discard(worker)

    def close(self) -> None:
        """Nobody will be told anything any more."""
        if self._heritage is not None:
            self._heritage.close()
        self._own.close()
