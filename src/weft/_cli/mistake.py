"""What the command line's user did wrong, in one sentence."""

from __future__ import annotations

import sys


class Mistake(Exception):
    """Printed without a traceback; the exit status is 2."""


def say(text: object) -> None:
    """Print to stderr, if there is one."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)
