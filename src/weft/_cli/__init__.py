"""The command line: parse, call, print. One command per file; nothing imports it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from .._version import __version__
from .mistake import Mistake

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and where to look."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n(see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    from . import doctor, map

    parser = _Parser(
        prog="weft",
        description="Run a Python function over many inputs, on the right kind of worker.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (map, doctor):
        command.add_to(commands)
    asked = parser.parse_args(arguments)
    try:
        return int(asked.run(asked))
    except Mistake as mistake:
        print(f"weft: {mistake}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("weft: interrupted", file=sys.stderr)
        return INTERRUPTED
