"""weft advise: which kind of worker a function wants, measured on its first items."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from typing import Any, Final

from .._advise import NoItems, advise_on
from . import inputs
from .function import find_function
from .mistake import Mistake, say
from .outputs import open_stdout

EXAMPLES: Final = """\
examples:
  weft advise work.py:parse --glob 'data/**/*.html'
  weft advise work:fetch --lines urls.txt --seconds 20 --plot advice.html
  weft advise math:factorial --jsonl numbers.jsonl --json

the first items are called again and again, once for each kind and number of workers, and nothing is written but the
advice; what FUNCTION prints goes to stderr where stdout is a file or a pipe
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "advise",
        allow_abbrev=False,
        help="which kind of worker a function wants, and how many",
        description="Measure FUNCTION on its first items with every kind of worker that is safe for it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("function", metavar="FUNCTION", help="module:name or path/to/file.py:name")
    inputs.add_to(parser)
    group = parser.add_argument_group("how to measure, what to write")
    group.add_argument("--seconds", type=float, default=5.0, help="about how long it may take (default: 5)")
    group.add_argument("--max-workers", type=int, metavar="N", help="the most workers to try")
    group.add_argument("--json", action="store_true", help="print it as JSON")
    group.add_argument("--plot", metavar="FILE", help="write a page with rates against numbers of workers, as HTML")
    parser.set_defaults(run=run, output=None)


def run(asked: argparse.Namespace) -> int:
    """Run the command; its exit status."""
    if not asked.seconds > 0:
        raise Mistake(f"--seconds must be greater than 0, not {asked.seconds:g}")
    if asked.max_workers is not None and asked.max_workers < 1:
        raise Mistake(f"--max-workers must be 1 or more, not {asked.max_workers}")
    with ExitStack() as house:
        stdout = house.enter_context(open_stdout())
        fn = find_function(asked.function)
        items = inputs.items_of(asked, house)
        total = len(items) if isinstance(items, list) else None
        name = asked.function.rpartition(":")[2]
        try:
            advice = advise_on(
                fn, items, name, star=False, total=total, seconds=asked.seconds, max_workers=asked.max_workers
            )
        except NoItems as error:
            raise Mistake(str(error)) from error
        if asked.plot is not None:
            try:
                advice.plot(asked.plot)
            except OSError as error:
                raise Mistake(f"--plot {asked.plot} can't be written: {error.strerror or error}") from error
            say(f"weft: the plot is in {asked.plot}")
        print(json.dumps(advice.to_dict(), indent=2) if asked.json else advice, file=stdout)
    return 0
