"""What a run will need first is started before the engine is even imported, so that the two happen side by side."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def start_ahead(fn: Callable[..., Any], asked: Mapping[str, Any]) -> None:
    """Start the server, if this is the program's first run and it plainly asks for workers that are forked from one.

    Nothing of the user's is run by that; whether it was right is checked by the run.
    """
    if "weft._engine" in sys.modules or asked.get("on") != "process" or sys.platform != "linux":
        return
    if asked.get("start_method") not in {None, "forkserver"} or asked.get("mp_context") is not None:
        return
    from ._workers.preload import DEAR, needs_cloudpickle

    if any(name in sys.modules for name in DEAR):  # what it had better preload is the supervisor's to say
        return
    from ._workers.servers import SERVERS

    try:
        SERVERS.have((), by_value=needs_cloudpickle(fn))
    except OSError:  # the run will meet it too, and say so
        return
