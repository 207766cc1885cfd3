"""What this machine offers to parallel work, put together for people who wonder."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from .._model.options import DEFAULT_START, START_METHODS
from .._version import __version__
from .machine import Machine
from .memory import Memory
from .past import VARIABLE

SHARED_MEMORY: Final = Path("/dev/shm")
PACKAGES: Final = ("cloudpickle", "rich", "numpy")
FEW_FILES: Final = 1024  # open files: the usual limit, too few for a thousand connections
LITTLE_SHARED: Final = 2**28  # bytes: Docker gives 64 MiB unless it is told otherwise


@dataclass(frozen=True, slots=True)
class Report:
    """What :func:`weft.doctor` found.

    Attributes:
        facts: Every finding, by a short name; values are for people.
        advice: What to change, a sentence each; empty if nothing needs to be.
    """

    facts: dict[str, str]
    advice: list[str]

    def __str__(self) -> str:
        width = max(map(len, self.facts))
        lines = [f"{name:<{width}}  {value}" for name, value in self.facts.items()]
        return "\n".join([*lines, "", *(self.advice or ["Nothing to change."])])

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The same as data that JSON can hold."""
        return {"facts": dict(self.facts), "advice": list(self.advice)}


def examine() -> Report:
    """Look at this machine, now."""
    machine = Machine.here()
    facts = dict(_facts(machine))
    return Report(facts, list(_advice(machine)))


def _facts(machine: Machine) -> Iterator[tuple[str, str]]:
    affinity = "not known here" if machine.affinity is None else str(machine.affinity)
    quota = "none" if machine.quota is None else f"{machine.quota:g} processors' worth of time"
    yield "usable processors", str(machine.cpus)
    yield "  of the machine", str(machine.built_in)
    yield "  by affinity", affinity
    yield "  by cgroup quota", quota
    yield "GIL", "on: threads take turns in Python code" if machine.gil else "off: threads compute side by side"
    yield "start methods", ", ".join(START_METHODS) + f"; by default {DEFAULT_START}"
    yield "memory", _memory()
    yield "shared memory", _shared_memory()
    yield from _limits()
    yield "Python", f"{platform.python_version()} {platform.python_implementation()}, {sys.executable}"
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "weft", __version__
    yield "remembers", _remembers()
    for package in PACKAGES:
        yield package, _version(package)


def _remembers() -> str:
    memory = Memory.here()
    return f"nothing, as {VARIABLE} says so" if memory.path is None else f'what "auto" learned, in {memory.path}'


def _advice(machine: Machine) -> Iterator[str]:
    if machine.cpus < machine.built_in:
        yield (
            f"This process may use {machine.cpus} of {machine.built_in} processors; weft starts that many workers. "
            "If that is not meant: taskset, the container's --cpus, or the scheduler's request set it."
        )
    files = _open_files()
    if files is not None and files[0] <= FEW_FILES < files[1]:
        yield f"Only {files[0]:,} files may be open at once: `ulimit -n {files[1]}` for many connections."
    shared = _shared_total()
    if shared is not None and shared < LITTLE_SHARED:
        yield f"Shared memory is small ({_size(shared)}): in Docker, --shm-size=2g makes it larger."
    if _version("numpy") == "not installed":
        yield "weft.rng() needs NumPy: pip install 'weft[numpy]'."


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _memory() -> str:
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return "not known here"
    return f"{_size(free)} available of {_size(total)}"


def _shared_total() -> int | None:
    try:
        return shutil.disk_usage(SHARED_MEMORY).total
    except OSError:
        return None


def _shared_memory() -> str:
    total = _shared_total()
    if total is None:
        return "no /dev/shm here"
    return f"{_size(shutil.disk_usage(SHARED_MEMORY).free)} free of {_size(total)} in {SHARED_MEMORY}"


def _limits() -> Iterator[tuple[str, str]]:
    files = _open_files()
    if files is not None:
        yield "open files", f"{files[0]:,}, can be raised to {files[1]:,}"
    try:
        import resource
    except ImportError:
        return
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    yield "processes", "no limit" if processes == resource.RLIM_INFINITY else f"{processes:,}"


def _open_files() -> tuple[int, int] | None:
    try:
        import resource
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft, hard if hard != resource.RLIM_INFINITY else 2**20


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
