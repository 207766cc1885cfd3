"""An envelope: one descriptor with others in it, for ways on which only one can go."""

from __future__ import annotations

from .sockets import AF_UNIX, SOCK_SEQPACKET, Socket, recv_fds, send_fds, socketpair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

MOST: Final = 250  # descriptors in one message; Linux takes 253


def sealed(fds: Sequence[int]) -> int:
    """An envelope with copies of *fds*, to be given away; -1 if there are none."""
    if not fds:
        return -1
    inside, outside = socketpair(AF_UNIX, SOCK_SEQPACKET)
    try:
        for at in range(0, len(fds), MOST):
            send_fds(inside, b"!", fds[at : at + MOST])
    finally:
        inside.close()
    return outside.detach()


def opened(envelope: int) -> list[int]:
    """What is in an *envelope*, which is closed."""
    inside = Socket(fileno=envelope)
    found: list[int] = []
    try:
        while True:
            data, fds = recv_fds(inside, 1, MOST)
            if not data:
                return found
            found += fds
    finally:
        inside.close()
