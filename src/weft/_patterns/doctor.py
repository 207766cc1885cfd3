"""weft.doctor: what this machine really offers, and what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._engine import examine

if TYPE_CHECKING:
    from .._choose.report import Report


def doctor() -> Report:
    """Look at what this machine offers to parallel work: processors, limits, shared memory, versions.

    Returns:
        A report: ``str()`` of it is for people, ``.to_dict()`` for programs, ``.advice`` what to change.
    """
    return examine()
