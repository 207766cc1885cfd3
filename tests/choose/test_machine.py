"""What the machine really offers, read from control group files as kernels and containers write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from weft._choose import machine
from weft._choose.machine import Machine, cpu_quota


def files(root: Path, contents: dict[str, str]) -> Path:
    for name, text in contents.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


@pytest.mark.parametrize(
    ("own", "groups", "quota"),
    [
        # version 2
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),  # the root group of a host has no cpu.max
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/not/mounted/here\n", {"cpu.max": "300000 100000\n"}, 3.0),  # a container's view of the host's path
        ("0::/../..\n", {"cpu.max": "300000 100000\n"}, 3.0),
        # version 1
        (
            "5:cpu,cpuacct:/docker/x\n0::/\n",
            {
                "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (
            "5:cpuacct,cpu:/x\n",
            {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            0.5,
        ),
        ("5:cpu:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, None),
        ("5:cpuset:/x\n", {"cpuset/x/cpu.cfs_quota_us": "1000\n"}, None),  # another controller
        ("5:cpu:/x\n", {"cpu/x/cpu.cfs_quota_us": "100000\n", "cpu/x/cpu.cfs_period_us": "0\n"}, None),
        # nonsense
        ("", {}, None),
        ("what is this\n\n", {"cpu.max": "1 1\n"}, None),
        ("0::/\n", {"cpu.max": "many\n"}, None),
        ("0::/\n", {"cpu.max": ""}, None),
        ("0::/\n", {"cpu.max": "100000 0\n"}, None),
    ],
)
def test_the_tightest_quota_from_the_own_group_upwards_counts(
    tmp_path: Path, own: str, groups: dict[str, str], quota: float | None
) -> None:
    """A container with two processors of a host with 64 must not start 64 workers."""
    mounted = tmp_path / "cgroup"
    mounted.mkdir()
    (tmp_path / "own").write_text(own)
    assert cpu_quota(str(tmp_path / "own"), str(files(mounted, groups))) == quota


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    """macOS, for one."""
    assert cpu_quota(str(tmp_path / "missing"), str(tmp_path)) is None


@pytest.mark.parametrize(
    ("built_in", "affinity", "quota", "cpus"),
    [
        (8, 8, None, 8),
        (8, 2, None, 2),
        (8, 8, 3.0, 3),
        (8, 8, 1.5, 2),  # half a processor is still one more that can be kept busy
        (8, 2, 6.0, 2),
        (8, 8, 0.1, 1),
        (None, None, None, 1),
    ],
)
def test_affinity_and_quota_count_and_not_what_is_built_in(
    monkeypatch: pytest.MonkeyPatch, built_in: int | None, affinity: int | None, quota: float | None, cpus: int
) -> None:
    """More workers than processors take turns, and each of them costs memory."""
    monkeypatch.setattr(os, "cpu_count", lambda: built_in)
    if affinity is None:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    monkeypatch.setattr(machine, "_own_quota", lambda: quota)
    found = Machine.here()
    assert (found.cpus, found.affinity, found.quota) == (cpus, affinity, quota)


def test_free_threaded_interpreters_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    """There threads do what only processes do elsewhere."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert not machine.gil_enabled()
    monkeypatch.delattr(sys, "_is_gil_enabled")
    assert machine.gil_enabled()
