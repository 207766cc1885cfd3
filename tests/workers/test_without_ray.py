"""on="ray" where there is no Ray: what is missing is said, and nothing has been run."""

from __future__ import annotations

import sys
import types

import pytest

import weft
from weft._workers.kinds import stop_idle_workers


def test_a_file_of_that_name_in_rays_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script called ray.py is what `import ray` finds."""
    shadow = types.ModuleType("ray")
    shadow.__file__ = "/home/me/ray.py"
    monkeypatch.setitem(sys.modules, "ray", shadow)
    with pytest.raises(weft.MissingPackage) as caught:
        weft.map(str, [1], on="ray").results()
    assert "'/home/me/ray.py': give that another name" in caught.value.__notes__[0]


def test_without_ray_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for use in (
        lambda: weft.map(str, [1], on="ray").results(),
        weft.RayExecutor,
        lambda: weft.submit(str, 1, on="ray"),
    ):
        with pytest.raises(weft.MissingPackage, match=r"on='ray' needs Ray: pip install 'weft\[ray\]'"):
            use()
    stop_idle_workers()  # there is nothing of Ray's to be ended
