"""What an error says of a limit that was reached: what there is too little of, what for, and what to do."""

from __future__ import annotations

import errno
import pickle

import pytest

from weft.errors import LimitReached, check_limits


@pytest.mark.parametrize(
    ("number", "what", "do"),
    [
        (errno.EMFILE, "no open file is left for a thing", "ulimit -n"),
        (errno.ENFILE, "no open file is left for a thing on this machine", "fs.file-max"),
        (errno.EFBIG, "a thing would be larger than a file", "ulimit -f"),
        (errno.EAGAIN, "no process is left for a thing", "ulimit -u"),
        (errno.ENOMEM, "no memory is left for a thing", "Make room"),
        (errno.ENOSPC, "no room is left for a thing", "/dev/shm"),
    ],
)
def test_a_limit_is_told_in_a_sentence_with_what_to_do(number: int, what: str, do: str) -> None:
    error = OSError(number, "bare")
    with pytest.raises(LimitReached) as told:
        check_limits(error, "a thing")
    said = str(told.value)
    assert said.startswith(what), said
    assert do in said
    assert (told.value.errno, told.value.__cause__) == (number, error)
    back = pickle.loads(pickle.dumps(told.value))
    assert (type(back), str(back), back.errno) == (LimitReached, said, number)


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "no such file"), OSError("of weft's own"), ValueError("no")])
def test_any_other_error_stays_as_it_is(error: BaseException) -> None:
    """Whoever asks raises it then."""
    check_limits(error, "a thing")


def test_what_has_been_told_is_not_told_again() -> None:
    """The one nearest to what is missing knows best what for."""
    check_limits(LimitReached(errno.EMFILE, "no open file is left for a thing"), "another")


def test_the_number_of_open_files_is_told_without_opening_one() -> None:
    """A module that is not loaded yet could not be, where none is left."""
    import resource

    with pytest.raises(LimitReached, match=f"{resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,}"):
        check_limits(OSError(errno.EMFILE, "bare"), "a thing")
