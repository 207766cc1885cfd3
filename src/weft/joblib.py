"""weft behind joblib, and so behind scikit-learn.

import joblib, weft.joblib

weft.joblib.register()
with joblib.parallel_config(backend="weft"):
...                       # whatever calls joblib.Parallel: GridSearchCV, cross_val_score, your own
"""

from __future__ import annotations

__all__ = ["register"]


def register() -> None:
    """Make ``joblib.parallel_config(backend="weft")`` and ``joblib.Parallel(backend="weft")`` work.

    Worker processes do what loky's would, and stay warm between calls. ``parallel_config`` takes
    ``memory_limit=``, ``start_method=``, ``max_tasks_per_child=``, ``initializer=`` and ``initargs=`` as
    :class:`weft.ProcessExecutor` does, and ``inner_max_num_threads=``. Without ``n_jobs``
    there are as many workers as processors.

    Raises:
        ModuleNotFoundError: joblib is not installed.
    """
    from ._patterns.joblib_backend import register as tell_joblib

    tell_joblib()
