"""Where the cluster comes from: found, named or started; and what becomes of one that was started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Started once: what it finds out by itself is told in one line each, and checked here.
ALONE = """
import os, sys, time
import weft
from weft import _engine

assert "ray" not in sys.modules
print("sum", sum(weft.map(lambda n: n * n, range(1000), on="ray")))
import ray
print("cpus", int(ray.cluster_resources()["CPU"]) == len(os.sched_getaffinity(0)))
print("raylets", *[node["NodeManagerAddress"] and node["Alive"] for node in ray.nodes()])
try:
    weft.map(str, [1], on="ray", resources={"unobtainium": 1}).results()
except weft.KindUnavailable as error:
    print("refused", "of 'unobtainium' 1 is needed" in str(error))
try:
    weft.RayExecutor(num_gpus=64)
except weft.KindUnavailable as error:
    print("refused", "of 'GPU' 64 is needed" in str(error))
if "stop" in sys.argv:
    from weft._workers.kinds import stop_idle_workers; stop_idle_workers()
    print("connected", ray.is_initialized())
    print("again", weft.map(abs, [-3], on="ray").results())
print("children", *open(f"/proc/self/task/{os.getpid()}/children").read().split())
"""

# A cluster of two nodes on one machine, one of which is killed while a run is in full swing.
NODES = """
import os, signal, sys, time
from functools import partial

import ray
from ray.cluster_utils import Cluster

import weft

small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
other = cluster.add_node(**small)


def call(path, n):
    with open(path, "a") as file:
        file.write("x")
    time.sleep(0.02)
    return n, ray.get_runtime_context().get_node_id(), b"x" * (200_000 if n % 10 == 0 else 0), os.getpid()


os.environ["RAY_ADDRESS"] = cluster.address
executor = weft.RayExecutor()
print("found", ray.get_runtime_context().gcs_address == cluster.address)
print("width", executor._max_workers)
run = weft.map(partial(call, sys.argv[1]), range(300), on=executor)
rows = []
for row in run:
    rows.append(row)
    if len(rows) == 100:
        print("nodes before", len({row[1] for row in rows}))
        killed = other.node_id
        cluster.remove_node(other, allow_graceful=False)
        for pid in {row[3] for row in rows if row[1] == killed}:  # as when somebody pulls the plug: all at once
            os.kill(pid, signal.SIGKILL)
print("in order", [row[0] for row in rows] == list(range(300)))
print("whole", all(len(row[2]) == (200_000 if row[0] % 10 == 0 else 0) for row in rows))
print("after", {row[1] for row in rows[-20:]} == {row[1] for row in rows} - {killed})
print("failures", len(run.failures))
print("calls", os.path.getsize(sys.argv[1]))
print("on the rest", weft.map(abs, range(-3, 0), on=weft.RayExecutor(cluster.address)).results())
executor.shutdown()
ray.shutdown()
cluster.shutdown()
"""


def told(code: str, tmp_path: Path, *given: str, **environment: str) -> dict[str, list[str]]:
    """What a program of its own says, by the first word of each line."""
    script = tmp_path / "program.py"
    script.write_text(code)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, str(script), *given],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        env={**clean, **environment},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    lines: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        lines.setdefault(word, []).append(rest)
    lines["stderr"] = [done.stderr]
    return lines


def test_where_there_is_none_one_is_started_and_ends_with_the_program(tmp_path: Path, eventually: Any) -> None:
    """Quietly, as wide as the program may be, and it may be let go before."""
    lines = told(ALONE, tmp_path, "stop")
    assert lines["sum"] == ["332833500"]
    assert lines["cpus"] == ["True"]
    assert lines["refused"] == ["True", "True"]
    assert lines["connected"] == ["False"]
    assert lines["again"] == ["[3]"]
    children = [int(pid) for pid in lines["children"][0].split()]
    assert len(children) > 1
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 20)
    assert "Warning" not in lines["stderr"][0]


@pytest.mark.timeout(110)
def test_a_nodes_death_costs_retries_only(tmp_path: Path) -> None:
    """Killed in the middle of a run: what it had is done again elsewhere, and nobody is charged with it."""
    lines = told(NODES, tmp_path, str(tmp_path / "calls"))
    assert lines["found"] == ["True"]
    assert lines["width"] == ["2"]
    assert lines["nodes"] == ["before 2"]
    assert lines["in"] == ["order True"]
    assert lines["whole"] == ["True"]
    assert lines["after"] == ["True"]
    assert lines["failures"] == ["0"]
    assert 300 <= int(lines["calls"][0]) < 330  # none, if it died between two chunks
    assert lines["on"] == ["the rest [3, 2, 1]"]
