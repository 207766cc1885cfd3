"""The Ray cluster that this process is connected to: found, or started; and what there is room for."""

from __future__ import annotations

import os
import threading
import warnings
from time import monotonic
from typing import Any, Final

from .._model.plan import Needs
from ..errors import BadOption, KindUnavailable, MissingPackage

# Ray's own messages of a start are for people who have asked for one.
QUIET: Final = 40  # logging.ERROR

# How long what was heard of the cluster's size is taken for true.
FRESH: Final = 2.0  # seconds

_KNOWN: Final[dict[str, tuple[float, dict[str, float]]]] = {}  # when it was heard, and what
_CONNECTING: Final = threading.RLock()
_STARTED: Final[list[str]] = []  # the address of the cluster that was started here, while it runs


def load() -> Any:
    """Ray itself.

    Raises:
        MissingPackage: It is not installed, or hidden by something else of that name.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingPackage("on='ray'", "Ray", "ray") from error
    if not hasattr(ray, "init"):
        hidden = MissingPackage("on='ray'", "Ray", "ray")
        hidden.add_note(f"what `import ray` finds is {getattr(ray, '__file__', None)!r}: give that another name")
        raise hidden
    return ray


def connect(needs: Needs, cpus: int | None) -> Any:
    """Ray, connected: as this process is already, or to the cluster that is named or found, or to a new one here.

    A new one has so many processors as *cpus* says.

    Raises:
        MissingPackage: Ray is not installed.
        BadOption: This process is connected to another cluster.
        ConnectionError: There is no cluster at that address.
    """
    ray = load()
    address = needs.address or os.environ.get("RAY_ADDRESS") or None
    with _CONNECTING:
        if not ray.is_initialized():
            _init(ray, address, cpus)
        elif needs.address not in {None, "auto", "local"}:
            here = ray.get_runtime_context().gcs_address
            if needs.address != here and not str(needs.address).startswith("ray://"):
                raise BadOption("address", needs.address, f"{here!r}, where this process is connected already")
    return ray


def _init(ray: Any, address: str | None, cpus: int | None) -> None:
    if address not in {None, "local"}:
        ray.init(address=address, logging_level=QUIET)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what Ray will do otherwise one day
        try:
            ray.init(address=address, num_cpus=cpus, include_dashboard=False, logging_level=QUIET)
        except ValueError:  # there is one, by `ray start`, and how large it is is not ours to say
            ray.init(logging_level=QUIET)
            return
    _STARTED[:] = [ray.get_runtime_context().gcs_address]


def stop_own() -> None:
    """End the cluster that was started here, if there is one and this process is still connected to it."""
    with _CONNECTING:
        if not _STARTED:  # perhaps there is no Ray, and somebody has asked for it
            return
        ray = load()
        if ray.is_initialized() and ray.get_runtime_context().gcs_address == _STARTED[0]:
            ray.shutdown()
        _STARTED.clear()


def room(ray: Any, needs: Needs) -> int:
    """How many workers that need so much the cluster has room for, at least 1: it may grow when it is asked to.

    Raises:
        KindUnavailable: It never will, as it was started here.
    """
    there = _resources(ray)
    wanted = needs.amounts() or {"CPU": 1.0}
    for name, amount in wanted.items():
        if there.get(name, 0.0) < amount and ray.get_runtime_context().gcs_address in _STARTED:
            raise KindUnavailable(
                f"of {name!r} {amount:g} is needed for each, and {there.get(name, 0.0):g} is all that the Ray on this "
                "machine has; connect to a cluster that has it (weft.RayExecutor(address=…)), or ask for less"
            )
    return max(1, int(min(there.get(name, 0.0) // amount for name, amount in wanted.items())))


def _resources(ray: Any) -> dict[str, float]:
    """All of the cluster's, as they were a moment ago: to ask it takes as long as to send a chunk."""
    address, now = ray.get_runtime_context().gcs_address, monotonic()
    known = _KNOWN.get(address)
    if known is None or now - known[0] > FRESH:
        _KNOWN.clear()
        known = _KNOWN[address] = now, ray.cluster_resources()
    return known[1]


def is_worker(ray: Any) -> bool:
    """Whether this process is itself one of the cluster's workers."""
    return bool(ray.get_runtime_context().worker.mode == ray.WORKER_MODE)
