"""A run on a Ray cluster of two nodes, one of which is lost on the way: that costs retries, and nothing else.

Both nodes are on this machine (Ray's own way to test clusters). With a real one, leave them out and say
`weft.RayExecutor("ADDRESS:6379")`, or only `on="ray"` where RAY_ADDRESS is set.
"""

import os
import time

import ray
from ray.cluster_utils import Cluster

import weft


def measure(number):
    """Something that takes its time, and where it was done."""
    time.sleep(0.02)
    return number * number, ray.get_runtime_context().get_node_id()


SMALL = {"num_cpus": 1, "object_store_memory": 80 * 2**20}

cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "include_dashboard": False})
other = cluster.add_node(**SMALL)
os.environ["RAY_ADDRESS"] = cluster.address

with weft.RayExecutor() as executor:
    run = weft.map(measure, range(200), on=executor)
    squares, places = [], []
    for square, place in run:
        squares.append(square)
        places.append(place)
        if len(squares) == 100:
            print("nodes so far:", len(set(places)))
            cluster.remove_node(other, allow_graceful=False)
            print("… and one of them is lost")

assert squares == [number * number for number in range(200)]
print("in order, and complete:", len(squares), "results,", len(run.failures), "failures")
print(run.explain())

ray.shutdown()
cluster.shutdown()
