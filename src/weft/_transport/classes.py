"""Classes sent by value: a copy is renewed when it arrives again, the original never is.

What comes home from a worker may bring the class of a result along, as the worker has it. Cloudpickle finds the
original by a number of its own, and would put the worker's attributes into it: what was counted in the class here
would be gone.
"""

from __future__ import annotations

import os
from weakref import WeakKeyDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# Classes that were made in this process and sent from it, with its id: a forked copy has copies, and those are renewed.
_ORIGINALS: Final[WeakKeyDictionary[type, int]] = WeakKeyDictionary()
_ARRIVED: Final[WeakKeyDictionary[type, int]] = WeakKeyDictionary()


def sent(kind: type, reduced: Any) -> Any:
    """How *kind* is *reduced* by cloudpickle, made to settle in as it should."""
    if not isinstance(reduced, tuple) or len(reduced) < 6:
        return reduced  # it goes by name
    if kind not in _ARRIVED:
        _ORIGINALS.setdefault(kind, os.getpid())
    return (*reduced[:5], settle_in)


def settle_in(kind: type, state: Any) -> object:
    """Give a class that has arrived its attributes, if it is not at home here."""
    from cloudpickle.cloudpickle import _class_setstate

    if _ORIGINALS.get(kind) == os.getpid():
        return kind
    _ARRIVED[kind] = os.getpid()
    return _class_setstate(kind, state)
