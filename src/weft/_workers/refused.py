"""What can't be imported in an interpreter that is not the main one, in a sentence that says what to do."""

from __future__ import annotations

from .._model.outcome import Returned
from ..errors import KindUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

# What CPython says of a module whose C code shares state between interpreters; the second is NumPy's own.
_SAID: Final = ("does not support loading in subinterpreters", "cannot load module more than once per process")


def explained(error: BaseException) -> BaseException:
    """The *error* of loading something; another one with it as the cause, where a module refuses interpreters."""
    said = _sentence(error)
    if not said:
        return error
    refused = KindUnavailable(said)
    refused.__cause__ = error
    return refused


def explain(returned: Returned) -> None:
    """Note it on the errors of items that have tried to import such a module."""
    for fault in returned.faults.values():
        if said := _sentence(fault.error):
            fault.error.add_note(f"weft: {said}")


def _sentence(error: BaseException) -> str:
    found = ""
    for each in _behind(error):  # the innermost knows best
        if isinstance(each, ImportError) and any(said in str(each) for said in _SAID):
            name = each.name or str(each).removeprefix("module ").split()[0]
            found = (
                f"{name.partition('.')[0]} can't be loaded in an interpreter beside the main one: its C code is not "
                "made for that. Use on='process', or on='thread' if it lets go of the GIL"
            )
    return found


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
