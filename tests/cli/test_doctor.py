"""``weft doctor``: what this machine really offers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable


def test_it_is_readable(weft: Callable) -> None:
    said = weft("doctor")
    assert said.status == 0
    for word in ("processors", "affinity", "cgroup", "GIL", "start methods", "shared memory", "open files", "Python"):
        assert word in said.out


def test_it_is_data(weft: Callable) -> None:
    said = weft("doctor", "--json")
    assert said.status == 0
    assert isinstance(json.loads(said.out), dict)


def test_affinity_counts(weft_alone: Callable) -> None:
    one = {min(os.sched_getaffinity(0))}
    said = weft_alone("doctor", preexec_fn=lambda: os.sched_setaffinity(0, one))
    assert "usable processors  1" in said.out


def test_too_much_is_refused(weft: Callable) -> None:
    said = weft("doctor", "now")
    assert said.status == 2
    assert "'now' is one word too many" in said.err
