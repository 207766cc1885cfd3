"""What is asked of workers: the call that a run repeats, and the chunks of items it is repeated over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context, ContextVar
    from typing import Any

    from .event import Said
    from .storm import Storm


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One function and how every item of a run is given to it.

    Attributes:
        fn: The user's function, plain or coroutine.
        star: Whether an item is a tuple of arguments (several iterables, ``starmap``) and not one argument.
        label: The function's name, for people.
        seed: What :func:`weft.rng` depends on besides the index; ``None`` when no seed was given.
        halt: Whether a chunk ends at its first error (nothing after it is wanted).
        announce: Whether workers say when a chunk begins (somebody watches a deadline).
        hurry: Whether a chunk that takes much longer than planned goes back unfinished.
        memory: The most private memory that a worker process may have, in bytes.
        context: The caller's context variables, for workers that share its memory.
        variables: Those whose values travel to workers that don't.
        said: Whom to tell what workers of other processes say; it stays in this one.
        threads: How many items a worker process runs at once.
        storm: The deaths and delays that it meets by chance, where somebody tests with them.
        alone: Whether each chunk is one call of nobody's run, its item a function and its arguments for *fn*.
        initializer: What each worker calls first; it goes to other processes by ways of its own.
        initargs: With what arguments.
    """

    fn: Callable[..., Any]
    star: bool
    label: str
    seed: int | None = None
    halt: bool = False
    announce: bool = False
    hurry: bool = True
    context: Context | None = None
    memory: int | None = None
    variables: tuple[ContextVar[Any], ...] = ()
    said: Callable[[Said], object] | None = None
    storm: Storm | None = None
    alone: bool = False
    threads: int = 1
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Items that travel together to one worker.

    Attributes:
        number: Its own number, never used again within the run.
        first: The position of its first item in the input; the others follow it.
        items: The items, in input order.
        attempt: 1 for the first try; more only for a chunk of one item.
        call: What to do with them, where that is not what the workers' crew was made for.
    """

    number: int
    first: int
    items: Sequence[Any]
    attempt: int = 1
    call: Call | None = None
