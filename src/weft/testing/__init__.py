"""A side door for people who test with weft.

For those who test their own jobs, :class:`chaos`: runs in which workers die and calls are late, by chance, and the
same ones each time.

For those who extend weft, a clock that goes when told to and workers that follow a script. Neither sleeps nor starts
a thread: a test of a minute's back-off takes no time and ends the same each time.
"""

from __future__ import annotations

from .chaos import chaos
from .scripted import Fate, ManualClock, ScriptedCrew

__all__ = ["Fate", "ManualClock", "ScriptedCrew", "chaos"]
