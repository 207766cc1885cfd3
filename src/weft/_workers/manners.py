"""The parent's logging levels and warning filters, for its workers to follow: what nobody wants is not even made."""

from __future__ import annotations

import sys
import warnings

from .._model.noun import dataclass
from .saying import SPEECH

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    # An entry of warnings.filters, its category by name: what a worker has not imported, it can't be warned of.
    Pattern: TypeAlias = "tuple[str, int] | str | None"
    Filter: TypeAlias = "tuple[str, Pattern, tuple[str, str], Pattern, int]"


@dataclass(frozen=True, slots=True, eq=False)
class Manners:
    """What the parent wants to hear.

    Attributes:
        levels: The levels of its loggers, where one is set; ``None`` where it does not log.
        disabled: What ``logging.disable`` was given.
        configured: Whether its root logger has handlers.
        filters: Its warning filters.
        terminals: Whether its stdout and stderr are terminals.
    """

    levels: dict[str, int] | None
    disabled: int
    configured: bool
    filters: list[Filter]
    terminals: tuple[bool, bool]

    @classmethod
    def here(cls) -> Manners:
        """Those of this process."""
        filters = list(map(_pack, warnings.filters))
        terminals = (_is_terminal(sys.stdout), _is_terminal(sys.stderr))
        logging = sys.modules.get("logging")
        if logging is None:
            return cls(None, 0, configured=False, filters=filters, terminals=terminals)
        manager, root = logging.root.manager, logging.root
        known = {name: getattr(logger, "level", 0) for name, logger in list(manager.loggerDict.items())}
        levels = {name: level for name, level in known.items() if level}
        return cls({**levels, "": root.level}, manager.disable, bool(root.handlers), filters, terminals)

    def apply(self) -> None:
        """Make this process, a worker, follow them."""
        warnings.resetwarnings()  # which also forgets what has been warned of: the parent remembers
        warnings.filters.extend(_unpack(self.filters))  # type: ignore[attr-defined]
        for speech in SPEECH:
            speech.pretend(self.terminals)
        if self.levels is not None and (self.configured or "logging" in sys.modules):
            from .records import follow

            follow(self.levels, self.disabled, configured=self.configured)


def _pack(entry: tuple[Any, ...]) -> Filter:
    action, message, category, module, line = entry
    name = (category.__module__, category.__qualname__)
    return action, _pattern(message), name, _pattern(module), line


def _pattern(pattern: Any) -> Pattern:
    return pattern if pattern is None or isinstance(pattern, str) else (pattern.pattern, pattern.flags)


def _unpack(filters: list[Filter]) -> Iterator[tuple[Any, ...]]:
    for action, message, (module, name), place, line in filters:
        category: Any = sys.modules.get(module)
        for part in name.split("."):
            category = getattr(category, part, None)
        if category is not None:
            yield action, _compiled(message), category, _compiled(place), line


def _compiled(pattern: Pattern) -> re.Pattern[str] | str | None:
    if not isinstance(pattern, tuple):
        return pattern
    import re

    return re.compile(*pattern)


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except Exception:  # noqa: BLE001  closed, absent, or anything that a user has put there
        return False
