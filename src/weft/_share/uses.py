"""Small shared things whose methods are functions of their own, put together when the thing arrives in a process.

They have in reach all that they need, so that nothing is looked up in a call (bench/shared_data.py). They are in slots,
where `with` finds them as it finds methods. After a fork they are put together again when first used: the copy is
another user of the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from weakref import ref

from .._transport.renewed import used_as
from .cells import Cell, changing


class Used(Cell):
    """The base of such things."""

    __slots__ = ("_begun",)
    USES: ClassVar[tuple[str, ...]]
    _begun: bool

    def open(self) -> None:
        """As of any cell."""
        self.forked()
        self.ensure()  # now: `with table["lock"]:` keeps nothing but the two functions

    def forked(self) -> None:
        """As of any cell."""
        self._begun = False
        for name in self.USES:
            setattr(self, name, used_as(_when_first_used(ref(self), name), self, name))

    def begin(self) -> Sequence[Callable[..., Any]]:
        """The functions of :attr:`USES`; they must not know this object, or it would keep itself."""
        raise NotImplementedError

    def ensure(self) -> None:
        """See to it that it has begun here."""
        if not self._begun:
            for name, use in zip(self.USES, self.begin(), strict=True):
                setattr(self, name, used_as(use, self, name))
            self._begun = True


def _when_first_used(thing: ref[Used], name: str) -> Callable[..., Any]:
    def use(*args: Any, **named: Any) -> Any:
        here = thing()
        assert here is not None
        with changing():  # two threads may be the first
            here.ensure()
        return getattr(here, name)(*args, **named)

    return use
