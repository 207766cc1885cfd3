"""scikit-learn on weft's workers: a grid search, a cross-validation, and joblib's own Parallel as a generator."""

from __future__ import annotations

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC

import weft.joblib

weft.joblib.register()
X, y = load_digits(return_X_y=True)
X, y = X[:600], y[:600]

with joblib.parallel_config(backend="weft"):
    search = GridSearchCV(SVC(), {"C": [1, 10], "gamma": [0.001, 0.01]}, cv=3).fit(X, y)
    print(f"the best of 4: {search.best_params_}, {search.best_score_:.1%} right")
    scores = cross_val_score(RandomForestClassifier(20, random_state=0), X, y, cv=4)
    print(f"a random forest: {scores.mean():.1%} right")
    names = joblib.Parallel(return_as="generator")(joblib.delayed(lambda n: f"digit {n}")(n) for n in range(3))
    print(", ".join(names))
