"""How long it takes until processes are there: measured here, each time some are started."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Until something has been measured. bench/process/start.py, two workers: from nothing 32 ms, with the server there 5.1,
# warm 0.8; what is still to be imported then comes on top of the first (bench/startup.py: 55 ms).
COLD: Final = 0.050  # seconds
SERVED: Final = 0.005
WARM: Final = 0.001

NEWEST: Final = 0.5  # weight of the last measurement


class Starts:
    """What was measured, by what was there before: nothing, a server, or warm workers."""

    def __init__(self) -> None:
        self._seconds = {"cold": COLD, "served": SERVED, "warm": WARM}
        self._asked = "cold"

    def expect(self, workers: int) -> float:
        """Seconds until so many processes would be there, if they were asked for now."""
        self._asked = _what_is_there(workers)
        return self._seconds[self._asked]

    def learn(self, seconds: float) -> None:
        """The processes that were expected last were there after so many."""
        known = self._seconds[self._asked]
        self._seconds[self._asked] = NEWEST * min(seconds, 10 * known) + (1 - NEWEST) * known


def _what_is_there(workers: int) -> str:
    supervisor = sys.modules.get("weft._workers.supervisor")
    if supervisor is None or not hasattr(supervisor, "SUPERVISOR"):
        return "cold"
    if len(supervisor.SUPERVISOR.idle) >= workers:
        return "warm"
    return "served" if supervisor.SUPERVISOR.servers else "cold"


STARTS: Final = Starts()
