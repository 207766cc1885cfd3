"""Pi by throwing darts: with `seed=`, the same darts on every kind and number of workers."""

import weft


def hits(darts):
    """How many of so many darts fall into the quarter of a circle."""
    x, y = weft.rng().random((2, darts))
    return int((x * x + y * y <= 1).sum())


throws = [100_000] * 40
found = {}
for kind, workers in [("serial", None), ("thread", 3), ("process", 1), ("process", 2)]:
    inside = sum(weft.map(hits, throws, on=kind, max_workers=workers, seed=2026))
    found[kind, workers] = 4 * inside / sum(throws)
    print(f"{kind:<8} {workers or 1} workers: pi is about {found[kind, workers]}")

assert len(set(found.values())) == 1
assert abs(found["serial", None] - 3.14159) < 0.005
