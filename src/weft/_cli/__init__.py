"""The command line: parse, call, print. One command per file; nothing imports it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from .._version import __version__
from ..errors import WeftError
from .mistake import Mistake, say

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and where to look; options may stand between the positional words."""

    _mixing = False

    def error(self, message: str) -> NoReturn:
        """Say *message* and end."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n(see {self.prog} --help)\n")

    # argparse takes the first run of positional words for all of them, unless it is asked to mix.
    def parse_known_args(  # type: ignore[override]  # narrower than argparse's generics
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; refuse what is not known."""
        if self._mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            known, unknown = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False
        if unknown:
            self.error(self._unknown(unknown[0]))
        return known, unknown

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one word too many"
        option, _, _ = word.partition("=")
        near = get_close_matches(option, self._option_string_actions, 1)
        meant = f"did you mean {near[0]}?" if near else f"if {word!r} is an item, write -- before the items"
        return f"there is no option {option}: {meant}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    from . import advise, doctor, map

    parser = _Parser(
        prog="weft",
        description="Run a Python function over many inputs, on the right kind of worker.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (map, advise, doctor):
        command.add_to(commands)
    asked = parser.parse_args(arguments)
    try:
        return int(asked.run(asked))
    except Mistake as mistake:
        say(f"weft: {mistake}")
        return USAGE_ERROR
    except WeftError as error:  # a function that can't be sent, a package that is missing
        say(f"weft: {error}")
        return USAGE_ERROR
    except KeyboardInterrupt:
        say("weft: interrupted")
        return INTERRUPTED
