"""What a pipeline is made of, as it was asked for."""

from __future__ import annotations

from collections.abc import Callable

from .noun import dataclass
from .options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# What is done with the result of a stage's function.
MAP: Final = "map"  # it goes on
STAR: Final = "starmap"  # so it does; the item is a tuple of arguments
FLAT: Final = "flat_map"  # what is in it goes on, each by itself
FILTER: Final = "filter"  # it says whether the item goes on
TAP: Final = "tap"  # the item goes on, whatever it is
EACH: Final = "each"  # nothing goes on


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A function that every item goes through.

    Attributes:
        how: What is done with its result.
        fn: The user's function.
        name: What it is called.
        options: What was asked of its workers.
    """

    how: str
    fn: Callable[..., Any]
    name: str
    options: Options


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Values are gathered into lists.

    Attributes:
        size: Of so many.
        timeout: How long the first one waits for the others at most, in seconds; ``None``: as long as it takes.
    """

    size: int
    timeout: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What is run on one crew of workers.

    Attributes:
        parts: One function, or several that are called one after another.
        batches: How its input is gathered beforehand.
    """

    parts: tuple[Part, ...]
    batches: tuple[Batch, ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return " + ".join(part.name for part in self.parts)

    @property
    def options(self) -> Options:
        """What was asked of its workers."""
        return self.parts[0].options
