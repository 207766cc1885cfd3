"""Functions that change something outside themselves, each in another way: what *auto* must not take elsewhere.

Each case makes a function, its items, and a look at what the function changes. Run all items in a plain loop, look;
run them by ``weft.map``, look: it has to be the same. ``busy`` makes every call long enough for processes to pay.
"""

from __future__ import annotations

from typing import Final

from . import _arguments, _around, _globals, _objects, _others, _process
from ._cases import CASES, STEPS

__all__ = ["CASES", "PLACES", "STEPS"]

PLACES: Final = (_globals, _around, _objects, _process, _arguments, _others)  # each enters its own
