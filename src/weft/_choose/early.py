"""Processes that begin before it is known who holds the GIL: if they are there at once, and the work plainly computes.

The caller works alone until that is known, and the other processors have nothing to do. What processes do meanwhile is
done; if threads turn out to promise more, they finish what they hold.
"""

from __future__ import annotations

from .choose import GAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .._model.outcome import Returned
    from .mode import Helm
    from .signals import Offer, Signals

# Processes that are not there sooner are not begun at a venture: to start them costs as much as it could save.
SOON: Final = 0.020  # seconds


class Early:
    """Who began early, if anybody did.

    Args:
        pilot: Whose run it is.

    Attributes:
        began: When they were asked for; 0 if they were not.
        there: Whether they have sent anything.
    """

    def __init__(self, pilot: Helm) -> None:
        self._pilot = pilot
        self._offer: Offer | None = None
        self._asked = False
        self.began = 0.0
        self.there = False

    @property
    def works(self) -> bool:
        """Whether they work."""
        return self._offer is not None

    def may(self) -> bool:
        """Whether it is to be thought of: once in a run, and if they would be there at once."""
        if self._asked:
            return False
        house = self._pilot.house
        if "process" not in house.named or house.forks or not house.machine.gil or house.starts() > SOON:
            self._asked = True  # and a fork beside the thread that listens is not safe
            return False
        return True

    def ask(self) -> None:
        """It has been thought of."""
        self._asked = True

    def pays(self, offer: Offer, signals: Signals) -> bool:
        """Whether it is right for them to begin, whoever holds the GIL: threads would not do much more without it."""
        workers = min(offer.workers, self._pilot.house.machine.cpus)
        return offer.kind == "process" and offer.threads == 1 and GAIN * offer.rate * signals.item > workers

    def begin(self, offer: Offer) -> None:
        """They have been asked for; none for the caller's processor, or it could not be heard who holds the GIL."""
        crew, cpus = self._pilot.crews.others, self._pilot.house.machine.cpus
        self._offer, self.began = offer, self._pilot.now()
        if crew is not None and offer.workers >= cpus > 1:
            crew.resize(cpus - 1)

    def heard(self, returned: Returned) -> None:
        """They have run a chunk."""
        if self.works and not self.there:
            self.there = True
            self._pilot.house.started(max(0.0, self._pilot.now() - self.began - returned.seconds))

    def end(self, offer: Offer) -> bool:
        """It is known now, and decided on *offer*: whether those are they, as many as there may be now."""
        early, self._offer = self._offer, None
        crew = self._pilot.crews.others
        if early is None or crew is None or (early.kind, early.threads) != (offer.kind, offer.threads):
            return False
        crew.resize(offer.workers)
        return True
