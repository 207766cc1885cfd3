"""What is remembered of a function within a process."""

from __future__ import annotations

from weft._choose.lately import MOST, Lately


def test_the_last_run_counts() -> None:
    lately = Lately()
    assert lately.recall(b"f") is None
    lately.note(b"f", 1.0)
    lately.note(b"f", 2.0)
    assert lately.recall(b"f") == 2.0


def test_it_does_not_grow_without_end() -> None:
    """A program may make functions all its life; those that are used stay."""
    lately = Lately()
    for n in range(3 * MOST):
        lately.note(b"%d" % n, 1.0)
        lately.note(b"f", 2.0)
    assert lately.recall(b"f") == 2.0
    assert sum(lately.recall(b"%d" % n) is not None for n in range(3 * MOST)) == MOST - 1
