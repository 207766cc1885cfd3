"""Sockets without the standard library's module: its enums and its selectors take 4 ms to import."""

from __future__ import annotations

import _socket
from _socket import AF_UNIX, CMSG_SPACE, MSG_DONTWAIT, SCM_RIGHTS, SO_RCVTIMEO, SOCK_SEQPACKET, SOL_SOCKET, socketpair
from _socket import socket as Socket  # noqa: N812  a class
from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

__all__ = [
    "AF_UNIX", "CLOEXEC", "CMSG_SPACE", "MSG_DONTWAIT", "SCM_RIGHTS", "SOCK_SEQPACKET", "SOL_SOCKET", "SO_RCVTIMEO",
    "Socket", "recv_fds", "send_fds", "socketpair",
]  # fmt: skip

CLOEXEC: Final[int] = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)  # descriptors that arrive are closed on exec, if it can

_SIZE: Final = 4  # bytes of a descriptor's number


def send_fds(sock: Socket, data: bytes | memoryview, fds: Sequence[int]) -> int:
    """Send *data*, and with it the descriptors; how much of it went."""
    numbers = b"".join(fd.to_bytes(_SIZE, byteorder) for fd in fds)
    return sock.sendmsg([data], [(SOL_SOCKET, SCM_RIGHTS, numbers)])


def recv_fds(sock: Socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """Receive up to *size* bytes, and up to so many descriptors that come with them."""
    data, ancillary, _, _ = sock.recvmsg(size, CMSG_SPACE(most * _SIZE))
    fds: list[int] = []
    for level, kind, numbers in ancillary:
        if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
            whole = range(0, len(numbers) - len(numbers) % _SIZE, _SIZE)
            fds += [int.from_bytes(numbers[at : at + _SIZE], byteorder) for at in whole]
    return data, fds
