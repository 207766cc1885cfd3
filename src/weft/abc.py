"""A side door for people who extend weft: the protocols to implement and the nouns that they speak in.

A :class:`Crew` is a kind of worker, an :class:`Observer` somebody who wants to know what happens in a run
(``progress=`` takes one). :mod:`weft.testing` has a crew and a clock to try them with.
"""

# ruff: noqa: PLC0414  the alias says that the name is meant to be imported from here

from __future__ import annotations

from weft._model.chunk import Call as Call
from weft._model.chunk import Chunk as Chunk
from weft._model.current import WorkerInfo as WorkerInfo
from weft._model.event import Advanced as Advanced
from weft._model.event import Decided as Decided
from weft._model.event import Ended as Ended
from weft._model.event import Event as Event
from weft._model.event import Failed as Failed
from weft._model.event import Retrying as Retrying
from weft._model.event import Said as Said
from weft._model.event import Span as Span
from weft._model.event import Started as Started
from weft._model.event import Stats as Stats
from weft._model.outcome import Began as Began
from weft._model.outcome import Fault as Fault
from weft._model.outcome import Lost as Lost
from weft._model.outcome import Returned as Returned
from weft._model.plan import Plan as Plan
from weft._model.protocols import Crew as Crew
from weft._model.protocols import Observer as Observer

__all__ = [
    "Advanced",
    "Began",
    "Call",
    "Chunk",
    "Crew",
    "Decided",
    "Ended",
    "Event",
    "Failed",
    "Fault",
    "Lost",
    "Observer",
    "Plan",
    "Retrying",
    "Returned",
    "Said",
    "Span",
    "Started",
    "Stats",
    "WorkerInfo",
]
