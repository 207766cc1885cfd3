"""What the frames are that a worker process and its parent send each other."""

from __future__ import annotations


class Op:
    """What a frame is."""

    CALL = 1  # down: a function to be called; its first is 1 if its surroundings may be those of the last
    CHUNK = 2  # down: items for it, in one piece
    PARTS = 3  # down: items for it, one by one
    FORGET = 4  # down: the run is over; drop what is waiting of it, and answer
    BEGAN = 5  # up: a chunk was taken up
    PART = 6  # up: what is finished of the chunk; the rest goes on
    DONE = 7  # up: what the chunk came to, or the rest of it
    UNREADABLE = 8  # up: the items can't be unpickled in one piece
    FORGOT = 9  # up: nothing of the run is left here
    SAID = 10  # up: something that was printed, logged or warned of
    # Down: one call, a function and its arguments. The lowest bit of its first is 1 if the next may come at once; the
    # others are the length of the function, if that was pickled before: then it stands behind the arguments.
    ALONE = 11
    VALUE = 12  # up: what it gave, if it gave anything
    PREPARE = 13  # down: what to call before anything else, its descriptors in an envelope
    AHEAD = 14  # down: the same as ALONE, ahead of its turn; needs a permit
    CHUNK_AHEAD = 15  # down: as CHUNK, likewise
    RECALL = 16  # down: of what came ahead before this, some was taken back; answer when it is gone here
    RECALLED = 17  # up: it is
