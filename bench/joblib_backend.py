"""weft as a backend of joblib against loky: 10,000 tiny tasks with joblib's own batching on, and a grid search.

Both warm, two workers or as many as there are processors. Needs joblib and scikit-learn.

Goals: loky takes longer on the tiny tasks, and at least as long on the grid search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import joblib
from _side_by_side import cpus, goal_at_least, machine, measure, parser, ratio, show
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

import weft.joblib

BACKENDS = ("weft", "loky")
TINY = 10_000
X, y = make_classification(700, 20, random_state=0)


def square(x: int) -> int:
    return x * x


def tiny(backend: str) -> Callable[[], Any]:
    def run() -> Any:
        with joblib.parallel_config(backend=backend, n_jobs=cpus()):
            return joblib.Parallel()(joblib.delayed(square)(n) for n in range(TINY))

    return run


def search(backend: str) -> Callable[[], Any]:
    def run() -> Any:
        with joblib.parallel_config(backend=backend, n_jobs=cpus()):
            return GridSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": [0.01, 0.1]}, cv=3).fit(X, y).best_params_

    return run


def main() -> None:
    asked = parser(__doc__, rounds=7).parse_args()
    print(f"{machine()}; {asked.rounds} rounds")
    weft.joblib.register()
    times = measure({name: tiny(name) for name in BACKENDS}, asked.rounds, lambda found: found[-1] == (TINY - 1) ** 2)
    show(f"{TINY:,} tiny tasks", times, peer="weft", items=TINY)
    searches = measure({name: search(name) for name in BACKENDS}, asked.rounds, lambda best: "C" in best)
    show("a grid search of 18 fits", searches, peer="weft")
    print()
    goal_at_least("loky / weft, tiny tasks", ratio(times, "loky", "weft"), 1)
    goal_at_least("loky / weft, grid search", ratio(searches, "loky", "weft"), 1)


if __name__ == "__main__":
    main()
