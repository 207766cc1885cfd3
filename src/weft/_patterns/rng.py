"""weft.rng: random numbers that depend on the seed and the item, and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._model.current import IN_HAND
from ..errors import MissingPackage

if TYPE_CHECKING:
    from numpy.random import Generator


def rng() -> Generator:
    """The random stream of the item in hand, as a ``numpy.random.Generator``.

    Inside a function that ``weft.map(..., seed=n)`` runs, the stream depends on *n* and the item's index only:
    the same numbers on every kind and number of workers, in any order, and again on a retry. Called several
    times for one item it is the same stream, going on. Anywhere else, or without a ``seed``, it is a new
    stream from the system's entropy.

    Streams are independent of each other: they are spawned by index from one ``numpy.random.SeedSequence``,
    see NumPy's "Parallel random number generation". Costs some 15 µs for the first call in an item.

    Raises:
        MissingPackage: NumPy is not installed.
        ImportError: It is, but can't be loaded here, as in an interpreter (``on="interpreter"``).
    """
    try:
        from numpy.random import SeedSequence, default_rng
    except ModuleNotFoundError as error:
        raise MissingPackage("weft.rng()", "NumPy", "numpy") from error
    hand = IN_HAND.get(None)
    if hand is None:
        return default_rng()
    if not hand.streams:
        hand.streams.append(default_rng(SeedSequence(hand.seed, spawn_key=(hand.index,))))
    stream: Generator = hand.streams[0]
    return stream
