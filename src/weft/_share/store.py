"""A board with lanes on it: what a channel, or a pipe, is made of where several processes have it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from .._transport.board import Address, Board
from .._transport.boards import create_board, join_board
from .cargo import Cargo
from .lane import Lane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Store:
    """Lanes, and what is carried over them.

    Args:
        board: The board.
        lanes: How many lanes are on it.

    Attributes:
        board: The same.
        lanes: The lanes.
        cargo: Values as they go through the lanes.
        queues: What stands on the lanes in this process, by their places.
        ends: How many handles this process has of each end of a pipe.
    """

    def __init__(self, board: Board, lanes: int) -> None:
        self.board = board
        self.lanes = [Lane(board, place) for place in range(lanes)]
        self.cargo = Cargo(board)
        self.queues: dict[int, Any] = {}
        self.ends: dict[int, list[int]] = {}
        board.store, board.heirs = self, self._inherit
        board.renewed += [lane.renew for lane in self.lanes]
        board.closing += [lane.close for lane in self.lanes]

    def _inherit(self, number: int, left: bool) -> bool:
        with ExitStack() as stack:
            for lane in self.lanes:
                stack.enter_context(lane.still())
            for lane in self.lanes:
                lane.inherit(number, left=left)
            nothing = self.cargo.inherit(number, [record for lane in self.lanes for record in lane.contents()])
        for lane in self.lanes:
            lane.wake_all()
        return nothing


def create_store(handle: object, sizes: Sequence[int]) -> Store:
    """New lanes, each for so many items, to stay as long as *handle* is there.

    Raises:
        KindUnavailable: This system has not what it takes.
        OSError: There is no memory, or no descriptor.
    """

    def prepare(board: Board) -> None:
        for place, size in enumerate(sizes):
            Lane.lay(board, place, size)
        Store(board, len(sizes))

    store: Store = create_board(handle, prepare).store
    return store


def join_store(handle: object, address: Address, ticket: int, lanes: int) -> Store:
    """The lanes at that address, to stay as long as *handle* is there.

    Raises:
        ChannelBroken: They are not there any more.
    """
    board = join_board(handle, address, partial(_settle_in, lanes))
    board.redeem(ticket)
    store: Store = board.store
    return store


def _settle_in(lanes: int, board: Board) -> None:
    Store(board, lanes)
