"""One budget of processors: for the runs of this process, for the runs in its workers, for native libraries there."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final


# What native libraries ask how many threads to start. The first is also what those below it go by without their own.
OPENMP: Final = "OMP_NUM_THREADS"
BY_OPENMP: Final = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
BY_THEMSELVES: Final = (
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip


def share_of(cpus: int | None, workers: int) -> int | None:
    """How many of so many processors each of so many workers has, at least 1."""
    return None if cpus is None else max(1, cpus // workers)


def native_limits(cpus: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What to set so that native libraries start *cpus* threads; nothing that was set already, nor in its place."""
    names = BY_THEMSELVES if OPENMP in environment else (OPENMP, *BY_OPENMP, *BY_THEMSELVES)
    return {name: str(cpus) for name in names if name not in environment}


class Budget:
    """Runs that have not been told how wide to be, and go on side by side: each gets a fair part of the processors."""

    def __init__(self) -> None:
        self._busy: dict[object, Callable[[], bool]] = {}

    def join(self, run: object, busy: Callable[[], bool]) -> None:
        """A *run* begins; *busy* says whether it has work out at the moment."""
        self._busy[run] = busy

    def leave(self, run: object) -> None:
        """It is over."""
        self._busy.pop(run, None)

    def width(self, run: object, most: int) -> int:
        """How many workers a *run* may have that would take *most* if it were alone; at least 1.

        Those that have nothing out, because their caller is busy elsewhere, do not count.
        """
        if len(self._busy) < 2:
            return most
        sharing = [other for other, busy in list(self._busy.items()) if other is run or busy()]
        place = sharing.index(run) if run in sharing else 0
        return max(1, most // len(sharing) + (place < most % len(sharing)))


BUDGET: Final = Budget()
