"""What was asked of a run that its schedule acts on."""

from __future__ import annotations

from .._model.noun import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The options that the schedule acts on, see :class:`weft._model.options.Options`."""

    ordered: bool = True
    timeout: float | None = None
    retries: int = 0
    on_error: str = "raise"
    rate: float | None = None
    chunksize: int | None = None
    buffersize: int | None = None
    medians: float | None = None  # a timeout that is a multiple of the median
    most: int | None = None  # items in a chunk
    price: float = 0.0  # seconds that a chunk costs the caller
    opening: int = 1  # items in a chunk before anything is known of them
    early: int = 1  # chunks that a worker may hold until then
