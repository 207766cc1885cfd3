"""Hands events to observers; a broken observer is dropped and never breaks a run."""

from __future__ import annotations

from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._model.event import Event
    from .._model.protocols import Observer


class Bus:
    """The observers of one run. Empty, it is false: whoever tells asks that first."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = list(observers)

    def __bool__(self) -> bool:
        return bool(self._observers)

    def __call__(self, event: Event) -> None:
        """Tell everybody of *event*."""
        for observer in list(self._observers):
            try:
                observer(event)
            except Exception:
                import logging

                self._observers.remove(observer)
                logging.getLogger("weft").exception("an observer of this run failed and gets no more events")
