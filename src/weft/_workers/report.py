"""What the server reports of a worker, each once: the process that it became, or 0; then how that ended.

That is an exit code as multiprocessing counts (a signal is negative), or the errno by which it did not come to be;
then the most memory that it ever had, in KiB.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Among the descriptors of a request to the server: the one to report to.
REPORT_TO: Final = "report"

_SIZE: Final = 4  # bytes a number


def tell(fd: int, *numbers: int) -> None:
    """Report *numbers*."""
    try:
        os.write(fd, b"".join(number.to_bytes(_SIZE, "little", signed=True) for number in numbers))
    except OSError:  # nobody wants to know
        return


def hear(fd: int) -> int | None:
    """The next number, which is there; ``None`` if there will be none."""
    data = os.read(fd, _SIZE)
    return int.from_bytes(data, "little", signed=True) if len(data) == _SIZE else None
