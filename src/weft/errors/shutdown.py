"""The error of a queue that has been shut down: the standard library's, where it has one."""

from __future__ import annotations

import queue

TYPE_CHECKING = False
if TYPE_CHECKING:

    class ShutDown(Exception):
        """The channel has been shut down: nothing can be put, or there is nothing more to get.

        Since Python 3.13 this is ``queue.ShutDown``.
        """

elif hasattr(queue, "ShutDown"):
    ShutDown = queue.ShutDown
else:

    class ShutDown(Exception):
        """The channel has been shut down: nothing can be put, or there is nothing more to get."""
