"""The global interpreter lock: whether threads of this interpreter take turns."""

from __future__ import annotations

import sys


def gil_enabled() -> bool:
    """Whether they do: always before 3.13, and where a module has asked for it."""
    asked = getattr(sys, "_is_gil_enabled", None)
    return True if asked is None else bool(asked())
