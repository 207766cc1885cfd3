"""weft.RayExecutor: the workers of a Ray cluster to hold on to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .._held import joined
from .._model.options import Options
from .._model.plan import Needs, Plan
from .executor import HeldExecutor


class RayExecutor(HeldExecutor):
    """A ``concurrent.futures.Executor`` whose calls are tasks of a Ray cluster.

    Args:
        address: Where the cluster is, as :func:`ray.init` has it. Default: the one that this process is connected to,
            that ``RAY_ADDRESS`` names, or that was started on this machine; else a new one here, with the processors
            that this process may use, until the program ends.
        max_workers: How many calls or chunks at once; by default as many as the cluster has room for, which is looked
            at again every few seconds.
        initializer: What each worker process calls first, and again if it has had nothing to do for a while.
        initargs: With what arguments.
        num_cpus: Processors that each call takes while it runs, 1 by default; parts of one, and 0, may be.
        num_gpus: GPUs that each takes.
        resources: Other resources of the cluster that each takes, as ``{"TPU": 4}``.
        runtime_env: The environment it runs in, as ``{"pip": ["pandas"], "env_vars": {"LEVEL": "3"}}``.

    ``weft.map(..., on=executor)`` runs on the same workers, with all that :func:`weft.map` offers: chunks, retries,
    timeouts that end a worker, order, progress. Workers that die, and their nodes, cost what they had in hand another
    try. weft has to be installed on every node, in the same version.

    Raises:
        MissingPackage: Ray is not installed: ``pip install 'weft[ray]'``.
        BadOption: This process is connected to another cluster already.
        ConnectionError: There is no cluster at that address.
    """

    _kind: ClassVar[str] = "ray"

    def __init__(
        self,
        address: str | None = None,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        num_cpus: float | None = None,
        num_gpus: float | None = None,
        resources: Mapping[str, float] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
    ) -> None:
        wanted = {"num_cpus": num_cpus, "num_gpus": num_gpus, "resources": resources, "runtime_env": runtime_env}
        Options.of({"on": "ray", "max_workers": max_workers, **wanted})
        self._needs = Needs(address, num_cpus, num_gpus, resources, runtime_env)
        self._asked = max_workers
        room = joined(self._needs)
        super().__init__(max_workers, initializer, initargs, usual=room, workers=max_workers or 0, needs=self._needs)

    def _plan_for_map(self, asked: int | None) -> Plan:
        """What :func:`weft.map` makes of ``on=`` this executor.

        Raises:
            RuntimeError: It was shut down.
        """
        self._held.check()
        return Plan("ray", asked or self._asked or 0, "RayExecutor was given", needs=self._needs)
