"""What this machine really offers this process: affinity and cgroup quota count, not what is built in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from math import ceil

from .._model.current import CPUS
from .._model.gil import gil_enabled
from .._model.noun import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

CGROUPS: Final = "/sys/fs/cgroup"
OWN_CGROUPS: Final = "/proc/self/cgroup"


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """What the choice of workers depends on.

    Attributes:
        cpus: Processors that this process may keep busy, at least 1; a worker of a run has a share of them.
        built_in: Processors of the machine.
        affinity: Processors that this process may run on; ``None`` where the system does not say.
        quota: Processors' worth of time that its control group may use; ``None`` without a limit.
        gil: Whether threads share one interpreter lock.
    """

    cpus: int
    built_in: int
    affinity: int | None
    quota: float | None
    gil: bool

    @classmethod
    def here(cls) -> Machine:
        """This machine, now."""
        built_in = os.cpu_count() or 1
        affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        quota = _own_quota()
        cpus = min(affinity or built_in, ceil(quota) if quota is not None else built_in, *CPUS)
        return cls(max(1, cpus), built_in, affinity, quota, gil_enabled())


@cache  # read once: it costs more than a short run, and hardly ever changes while a process lives
def _own_quota() -> float | None:
    return cpu_quota()


# Strings and not paths: importing pathlib costs more than reading them.
def cpu_quota(own: str = OWN_CGROUPS, mounted: str = CGROUPS) -> float | None:
    """Processors' worth of time per second that this process's control groups allow: the tightest limit.

    Reads version 2 (``cpu.max``) and version 1 (``cpu.cfs_quota_us``) from the process's own group upwards, see
    the kernel's Documentation/admin-guide/cgroup-v2.rst and Documentation/scheduler/sched-bwc.rst.
    """
    try:
        lines = _read(own).splitlines()
    except OSError:
        return None
    limits = [limit for line in lines for limit in _limits(line, mounted)]
    return min(limits, default=None)


def _limits(line: str, mounted: str) -> Iterator[float]:
    number, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if number == "0" and not controllers:
        root, read = mounted, _limit_v2
    elif "cpu" in controllers.split(","):
        roots = (f"{mounted}/{controllers}", f"{mounted}/cpu")
        root, read = next(filter(os.path.exists, roots), mounted), _limit_v1
    else:
        return
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts), -1, -1):
        limit = read("/".join([root, *parts[:depth]]))
        if limit is not None:
            yield limit


def _limit_v2(group: str) -> float | None:
    try:
        quota, period = _read(f"{group}/cpu.max").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _limit_v1(group: str) -> float | None:
    try:
        quota = int(_read(f"{group}/cpu.cfs_quota_us"))
        period = int(_read(f"{group}/cpu.cfs_period_us"))
        return quota / period if quota > 0 and period > 0 else None
    except (OSError, ValueError):
        return None


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123
        return file.read()
