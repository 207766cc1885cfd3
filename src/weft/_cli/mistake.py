"""What the command line's user did wrong, in one sentence."""

from __future__ import annotations


class Mistake(Exception):  # noqa: N818  it is the user's, not the program's
    """Printed without a traceback; the exit status is 2."""
