"""Starts interpreters that run a piece of weft, and nothing of the user's program."""

from __future__ import annotations

import os
import sys
from _signal import SIGCHLD, SIGINT, SIGIO, SIGTERM  # see inherited

from .allocator import allocator_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

# This very weft, wherever it lies, and the standard library's modules: whatever the user has beside the script
# under the name of one of them comes onto the path only when the interpreter has what it needs.
_THIS_WEFT: Final = """\
import gc, sys
gc.disable()  # nothing that is imported is garbage
from importlib._bootstrap import module_from_spec  # importlib.util takes 2 ms
from importlib._bootstrap_external import spec_from_file_location
spec = spec_from_file_location("weft", {weft!r})
sys.modules["weft"] = weft = module_from_spec(spec)
spec.loader.exec_module(weft)
from weft._workers.{room} import main
"""
_BOOT: Final = f"""\
{_THIS_WEFT}\
from weft._workers.interpreter import close_from
close_from({{beyond}})
gc.enable()
main(*{{given!r}})
"""
_WEFT: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "__init__.py")  # noqa: PTH118, PTH120

# The number that the first descriptor has over there; the others follow it.
FIRST: Final = 3

# What the interpreter's own command line can say; if it said nothing, there is nothing to hand on. That no bytecode
# is to be written is said so often that it is handed on without looking for more.
_FLAGS: Final = (
    "debug", "no_site", "verbose", "bytes_warning", "quiet", "optimize", "isolated",
    "ignore_environment", "no_user_site", "safe_path", "dev_mode",
)  # fmt: skip

# What the parent may ignore and its workers must not.
_AS_USUAL: Final = (SIGCHLD, SIGINT, SIGTERM, SIGIO)


def start_interpreter(
    room: str, given: tuple[object, ...], fds: Sequence[int], environment: Mapping[str, str] | None = None
) -> int:
    """Start an interpreter that calls ``weft._workers.<room>.main(*given)``; its process id.

    It has the *fds*, numbered from ``FIRST`` on, this process's output, and an empty input. It is deaf to Ctrl-C
    until it unblocks it.
    """
    import fcntl

    beyond = FIRST + len(fds)
    environment = os.environ if environment is None else environment
    boot = _BOOT.format(weft=_WEFT, room=room, beyond=beyond, given=given)
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, beyond) for fd in fds]  # out of the way of the numbers to come
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, *_own_flags(), "-P", "-c", boot],
            {**environment, **allocator_settings(environment)},  # until its surroundings are those of a call
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                *((os.POSIX_SPAWN_DUP2, fd, FIRST + place) for place, fd in enumerate(moved)),
            ],
            setsigmask=[SIGINT],
            setsigdef=_AS_USUAL,
        )
    finally:
        for fd in moved:
            os.close(fd)


def loading(room: str) -> str:
    """What an interpreter of this process has to run, so that it has ``main`` of ``weft._workers.<room>``."""
    return f"{_THIS_WEFT.format(weft=_WEFT, room=room)}gc.enable()\n"


def close_from(first: int) -> None:
    """Close every descriptor from *first* on: what came along that was not meant for this process."""
    for fd in map(int, os.listdir("/dev/fd")):  # noqa: PTH208  a number is what is wanted
        if fd >= first:
            try:
                os.close(fd)
            except OSError:  # the one that listed them
                continue


def _own_flags() -> list[str]:
    """The options that this interpreter was started with."""
    plain = not any(getattr(sys.flags, name, 0) for name in _FLAGS)
    if plain and not sys.warnoptions and not sys._xoptions:  # noqa: SLF001  the only place where they are
        return ["-B"] if sys.flags.dont_write_bytecode else []
    import subprocess  # dear to import, and seldom needed

    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001  as multiprocessing does
    return flags
