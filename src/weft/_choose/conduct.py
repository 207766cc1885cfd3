"""What the functions of one run change: asked when leaving the caller would pay, and not before."""

from __future__ import annotations

from .._model.declared import is_pure, is_thread_unsafe
from .effects import NOT_GIVEN, Study

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any, Final

    from .effects import Effects
    from .witness import Witness


# Of items of these types no method is asked for: to a function that is read, one is as good as another.
PLAIN: Final = {int, float, complex, bool, str, bytes, type(None)}


class Conduct:
    """What is known of what a run's functions do beside giving results.

    Args:
        fns: The functions that are called one after the other for every item: one, as a rule.
        star: Whether the first takes an item as its arguments.

    Attributes:
        item: The first item, once it is there.
    """

    def __init__(self, fns: Sequence[Callable[..., Any]], *, star: bool) -> None:
        self.fns, self.star = fns, star
        self.item: Any = NOT_GIVEN
        self._witnesses: list[Witness] = []
        self._effects: list[Effects] | None = None
        self._fresh: list[Study] = []  # what was read just now

    def take_note(self, item: object) -> None:
        """Remember what the functions can reach, before they are called with the first *item*."""
        self.item = item
        asked = [fn for fn in self.fns if not is_pure(fn)]
        if asked:
            from .witness import Witness

            self._witnesses = [Witness(fn, item) for fn in asked]

    def alone(self) -> str | None:
        """Why two threads had better not call them at once; ``None`` if nothing is seen."""
        if any(map(is_thread_unsafe, self.fns)):
            return "it was declared thread_unsafe"
        because = next((said for effects in self._read() if (said := effects.alone_because) is not None), None)
        if because is None and all(effects.verdict in {"none", "declared"} for effects in self._read()):
            return self.witnessed()  # by something that can't be read
        return because

    def changes(self) -> str:
        """What they change here, as the end of a sentence; empty if nothing is seen."""
        return next((effects.what for effects in self._read() if effects.verdict == "changes"), "")

    def stays(self, item: object, imported: Callable[[ModuleType], bool]) -> str | None:
        """Why they had better stay in this process, as the end of a sentence; ``None`` if nothing is seen.

        *imported* says whether another process would import a module, and not be sent what is used of it.
        """
        fresh, self._fresh = self._fresh, []
        if not fresh or not (item is self.item or type(item) is type(self.item) in PLAIN):
            fresh = self._studied(item)
        for study in fresh:
            reason = study.effects(imported).reason
            if reason is not None:
                return reason
        return self.witnessed()

    def _read(self) -> list[Effects]:
        """What each of them changes, as far as its code tells; read once."""
        if self._effects is None:
            self._fresh = self._studied(self.item)
            self._effects = [study.effects() for study in self._fresh]
        return self._effects

    def _studied(self, item: object) -> list[Study]:
        """Each of them, the first with the *item*."""
        return [
            Study(fn, NOT_GIVEN if place else item, star=self.star and not place) for place, fn in enumerate(self.fns)
        ]

    def witnessed(self) -> str | None:
        """What the items run here have changed by now, as the end of a sentence; ``None`` if nothing is seen."""
        return next((said for witness in self._witnesses if (said := witness.changed()) is not None), None)
