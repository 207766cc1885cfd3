"""Ray: chunks as tasks of a cluster. Its workers are Ray's; what they are given and what comes back is weft's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache, lru_cache, partial
from itertools import islice
from time import monotonic
from typing import Any, Final

from .._model.chunk import Call, Chunk
from .._model.interruption import interruptible
from .._model.locks import Lock
from .._model.noun import replace
from .._model.outcome import Arrival, Began, Lost, Returned
from .._model.plan import Needs, Plan, worth_sending
from .._transport.codec import dumps_apart, dumps_ours, loads, not_readable
from .._transport.culprit import REFUSED
from .beside import beside
from .calls import PATIENCE
from .inbox import Inbox, spells
from .kinds import TRAITS
from .parcel import pack_alone, pack_items, pack_parts, refused_call, unpack_returned
from .ray_cluster import connect, is_worker, load, room
from .ray_lesson import RayLesson
from .ray_task import ALONE, APART, TOGETHER, UNREADABLE, Body, Errand, packed, run, run_and_tell

# How long a run that is left early waits for the chunks that are out before their workers are ended: to start
# another takes Ray half a second.
GRACE: Final = 0.2  # seconds

# How often a run that has not been told how wide to be asks how large the cluster is by now.
ASK_AGAIN: Final = 5.0  # seconds

# How many single calls Ray is given for each that can run: where none waits it takes the worker away, and to get one
# again takes longer than most calls.
QUEUED: Final = 2

# An array or bytearray of a result that is smaller is copied out of the object store, and may be written to; a larger
# one stays there, where nobody may, until nobody has it any more.
IN_PLACE: Final = 2**20  # bytes

# How often a chunk is given to others before its items answer for the deaths of nodes.
NODES_FORGIVEN: Final = 2

# How many chunks are looked at by a caller that is itself a worker of the cluster, and must wait as Ray has it.
WATCHED: Final = 16

# A chunk that takes so many times longer than it was made for goes back unfinished.
LENIENCE: Final = PATIENCE / 0.008


@cache
def _remote(fn: Callable[..., Any]) -> Any:
    """*fn* as Ray has it, which sends it to a cluster once."""
    return load().remote(fn)


@lru_cache(maxsize=64)  # to make one Ray makes a class
def _task(label: str, *, tells: bool) -> Any:
    """What chunks of this name are given to, where they need nothing in particular."""
    return _with_options(label, tells=tells)


def _with_options(label: str, *, tells: bool, **given: Any) -> Any:
    if tells:
        given["num_returns"] = "streaming"
    return _remote(run_and_tell if tells else run).options(max_retries=0, name=f"weft {label}", **given)


def _weight(stem: bytes, buffers: Sequence[Any]) -> int:
    """Bytes on their way."""
    return len(stem) + sum(memoryview(buffer).nbytes for buffer in buffers)


class RayCrew:
    """Chunks as Ray tasks, each tried once by Ray: what is tried again, and when, is the schedule's to say.

    Args:
        call: What to run; packed here, so that a function that can't travel fails before anything runs.
        plan: How many chunks at once, if that was said, and what each needs.

    Attributes:
        hurried: Whether, at the end, nothing is waited for; may be set at any time.

    Raises:
        MissingPackage: Ray is not installed.
        NotSendable: The function can't be sent.
    """

    prefetches = True
    tells = keeps = False
    follows = True
    lends = 0.0
    together = 1
    held = 0

    def __init__(self, call: Call, plan: Plan) -> None:
        self._needs = plan.needs or Needs()
        self._ray = ray = connect(self._needs, plan.cpus)
        self._asked = plan.workers
        self._room, self._asked_at = 0, -ASK_AGAIN
        self.hurried = False
        self._call = call
        self._lesson = RayLesson(call, ray)
        self._lessons: dict[Call, RayLesson] = {}  # what chunks bring along that are not the crew's own
        names = ("num_cpus", "num_gpus", "resources", "runtime_env")
        given = {name: value for name in names if (value := getattr(self._needs, name)) is not None}
        self._task = (_with_options if given else _task)(call.label, tells=call.announce, **given)
        self._inbox = Inbox()
        self._answers: deque[tuple[int, Any, BaseException | None]] = deque()
        self._lock = Lock()
        self._chunks: dict[int, Chunk] = {}  # in flight, by number
        self._out: dict[int, Any] = {}  # what Ray gave for them
        self._sent: dict[int, int] = {}  # bytes of theirs that went out
        self._names: dict[int, str] = {}  # of the workers that have begun with them, as far as they tell
        self._dead_nodes: dict[int, int] = {}  # that had a chunk, by its first item
        self._inside = is_worker(ray)

    @property
    def width(self) -> int:
        """How many chunks it is given at once: as many as can run; single calls, some more than that."""
        return self.workers * QUEUED if self._call.alone and not self._asked else self.workers

    @property
    def workers(self) -> int:
        """How many can run at once: as many as were asked for, or else as the cluster has room for."""
        if self._asked:
            return self._asked
        now = monotonic()
        if now - self._asked_at > ASK_AGAIN:
            self._room, self._asked_at = room(self._ray, self._needs), now
        return self._room

    # ── the crew ──────────────────────────────────────────────────────────────────────────────────────────

    def send(self, chunk: Chunk) -> None:
        """Submit the chunk as a task."""
        if self._call.alone and chunk.call is None:
            try:
                form, (stem, buffers) = ALONE, pack_alone(chunk, dumps_apart)
            except REFUSED as error:
                return self._inbox.put(refused_call(chunk, error))
        else:
            together = pack_items(chunk, dumps_apart)
            form, (stem, buffers) = (APART, (pack_parts(chunk), [])) if together is None else (TOGETHER, together)
        return self._submit(chunk, form, packed(stem, buffers))

    def learn(self, call: Call) -> None:
        """Chunks of another *call* will come.

        Raises:
            NotSendable: The function can't be sent.
        """
        self._lessons[call] = RayLesson(call, self._ray)

    def forget(self, call: Call) -> None:
        """None will come any more; the workers find that out by themselves."""
        self._lessons.pop(call, None)

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        """What has been answered."""
        if self._answers or timeout == 0:
            return [*self._inbox.poll(0), *self._understood()]
        arrivals = self._wait_inside(timeout) if self._inside else self._inbox.poll(timeout)
        return [*arrivals, *self._understood()]

    async def apoll(self, timeout: float | None) -> Sequence[Arrival]:
        """The same for an event loop."""
        if self._inside and timeout != 0:
            return await beside(self.poll, timeout)
        arrivals = await self._inbox.apoll(0 if self._answers else timeout)
        return [*arrivals, *self._understood()]

    def kill(self, chunk: int) -> tuple[str, bool]:
        """End the Ray worker that is in the chunk; Ray starts another."""
        with self._lock:
            out, name = self._out.pop(chunk, None), self._names.pop(chunk, "a Ray worker")
            self._chunks.pop(chunk, None)
            self._sent.pop(chunk, None)
        if out is not None:
            self._ray.cancel(out, force=True)
        return name, True

    def resize(self, workers: int) -> None:
        """Have at most so many chunks out at once."""
        self._asked = workers

    def wake(self) -> None:
        """End the wait of a poll."""
        self._inbox.put(None)

    def close(self) -> None:
        """Wait a moment for what is out, and end what is not back by then."""
        ending = monotonic() + (0.0 if self.hurried else GRACE)
        while self._out and (left := ending - monotonic()) > 0:
            self.poll(left)
        with self._lock:
            left_over = list(self._out.values())
            for mapping in (self._out, self._chunks, self._sent, self._names):
                mapping.clear()
        for out in left_over:
            if self._ray.is_initialized():
                self._ray.cancel(out, force=True)
        self._lessons.clear()
        self._inbox.close()

    async def aclose(self) -> None:
        """The same."""
        await beside(self.close)

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self, chunk: Chunk, form: str, body: Body) -> None:
        lesson = self._lesson if chunk.call is None else self._lessons[chunk.call]
        stem, buffers, writable = (body, [], []) if isinstance(body, bytes) else body
        patience = PATIENCE
        if lesson.known:
            patience = max(patience, LENIENCE * worth_sending(TRAITS["ray"].price, self.workers))
        cpus = max(1, int(self._needs.amounts().get("CPU", 1)))
        errand = Errand(
            lesson.token,
            lesson.along,
            chunk.number,
            chunk.first,
            chunk.attempt,
            form,
            stem,
            patience,
            cpus,
            writable,
        )
        with self._lock:
            self._chunks[chunk.number] = chunk
            self._sent[chunk.number] = _weight(stem, buffers)
        try:
            given = (dumps_ours(errand), lesson.stored, *([buffers] if buffers else []))
            out = self._task.remote(*given)
        except Exception as error:  # noqa: BLE001  no room in the store, or no cluster any more: the items' trouble
            self._answer(chunk.number, None, error)
            return
        with self._lock:
            self._out[chunk.number] = out
        self._attend(chunk.number, out)

    def _attend(self, number: int, out: Any) -> None:
        """Hear of the chunk's answer when there is one."""
        if self._call.announce:
            import asyncio

            from .loop import BACKGROUND

            asyncio.run_coroutine_threadsafe(self._follow(number, out), BACKGROUND.get())
        else:
            out.future().add_done_callback(partial(self._done, number))

    # ── back ──────────────────────────────────────────────────────────────────────────────────────────────

    def _done(self, number: int, future: Future[Any]) -> None:
        """In a thread of Ray's: leave the answer for whoever polls."""
        error = future.exception()
        self._answer(number, None if error is not None else future.result(), error)

    async def _follow(self, number: int, generator: Any) -> None:
        """The same for a worker that says when it begins."""
        try:
            async for ref in generator:
                answer = await ref
                if isinstance(answer, str):
                    self._names[number] = answer
                    self._inbox.put(Began(number))
                else:
                    self._answer(number, answer, None)
                del ref, answer
        except Exception as error:  # noqa: BLE001  whatever became of it
            self._answer(number, None, error)

    def _answer(self, number: int, answer: Any, error: BaseException | None) -> None:
        self._answers.append((number, answer, error))
        self._inbox.put(None)

    def _wait_inside(self, timeout: float | None) -> Sequence[Arrival]:
        """Wait as Ray has it, so that the processor goes to somebody else meanwhile: to what is waited for, perhaps."""
        for spell in spells(timeout):
            if arrivals := self._inbox.poll(0):
                return arrivals
            if self._answers or self._inbox.woken:
                return []
            with self._lock:
                some = list(islice(self._out.values(), WATCHED))
            if not some:
                return self._inbox.poll(spell)
            with interruptible:
                self._ray.wait(some, num_returns=1, timeout=spell, fetch_local=False)
            if arrivals := self._inbox.poll(0.01):  # what is ready is about to be there
                return arrivals
        return []

    def _understood(self) -> list[Arrival]:
        arrivals: list[Arrival] = []
        while self._answers:
            number, answer, error = self._answers.popleft()
            with self._lock:
                self._out.pop(number, None)
                self._names.pop(number, None)
                chunk, sent = self._chunks.pop(number, None), self._sent.pop(number, 0)
            if chunk is None:  # it was given up on
                continue
            lesson = self._lesson if chunk.call is None else self._lessons.get(chunk.call)
            if lesson is not None:
                lesson.known = True
            arrival = self._read(chunk, answer, sent) if error is None else self._lost(chunk, error)
            if arrival is not None:
                arrivals.append(arrival)
        return arrivals

    def _read(self, chunk: Chunk, body: Body, sent: int) -> Arrival | None:
        """What an answer says; nothing if its worker asks for the chunk once more, in another form.

        *sent* is how many bytes the chunk had.
        """
        if body == UNREADABLE:
            self._submit(chunk, APART, pack_parts(chunk))
            return None
        stem, buffers, writable = (body, [], []) if isinstance(body, bytes) else body
        there, back = sent / max(1, len(chunk.items)), _weight(stem, buffers)
        own = [
            bytearray(buffer) if may and memoryview(buffer).nbytes < IN_PLACE else buffer
            for buffer, may in zip(buffers, writable, strict=True)
        ]
        try:
            returned = unpack_returned(stem, partial(loads, buffers=own), lambda count: (there, back / max(1, count)))
            return replace(returned, chunk=chunk.number)
        except REFUSED as error:  # unpickling a user's result may raise anything
            if len(chunk.items) > 1:  # alone, each answers for itself
                return Lost(chunk.number, "a Ray worker", "its answer could not be read")
            refused = not_readable(f"result of item {chunk.first}", error)
            return Returned.failed(chunk.number, "a Ray worker", refused)

    def _lost(self, chunk: Chunk, error: BaseException) -> Lost:
        """What became of a chunk that has no answer."""
        kinds = self._ray.exceptions
        name, number = "a Ray worker", chunk.number
        text = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if isinstance(error, kinds.NodeDiedError | kinds.ObjectLostError | kinds.LocalRayletDiedError):
            deaths = self._dead_nodes[chunk.first] = self._dead_nodes.get(chunk.first, 0) + 1
            return Lost(number, name, f"its node died: {text}", begun=deaths > NODES_FORGIVEN)
        if isinstance(error, kinds.WorkerCrashedError):
            return Lost(number, name, "its process died unexpectedly")
        if isinstance(error, kinds.OutOfMemoryError):
            return Lost(number, name, f"Ray ended it for lack of memory: {text}")
        if isinstance(error, kinds.TaskCancelledError):
            return Lost(number, name, "it was cancelled")
        return Lost(number, name, text, error=error)
