"""weft map: a Python function over items, from the shell."""

from __future__ import annotations

import argparse
import reprlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from time import monotonic
from typing import Any, Final

from .._engine import Execution
from .._model.options import KIND_NAMES, Options
from .._model.outcome import Failure
from ..errors import OptionError
from . import inputs
from .function import find_function
from .mistake import Mistake, say
from .outputs import Writer, open_file, open_stdout

NAMED: Final = 5  # failures that the summary names
FLUSH_EVERY: Final = 0.1  # seconds; somebody may be reading what we write
PIPE_CLOSED: Final = 141  # 128 + SIGPIPE, as shells have it

EXAMPLES: Final = """\
examples:
  weft map json:loads '[1, 2]' '{"a": 3}'
  weft map work.py:parse --glob 'data/**/*.html' --output parsed.jsonl
  weft map work:fetch --lines urls.txt --max-workers 50 --timeout 10 --retries 2
  seq 100 | weft map math:sqrt -                     (items are strings: this one fails, and says why)
  seq 100 | weft map math:sqrt --jsonl - --bare

results are JSON Lines: {"index": 0, "item": …, "result": …}, or {"index": 0, "item": …, "error": …};
what FUNCTION prints goes to stderr where stdout is a file or a pipe, so that results stay apart;
the exit status is 0 if all items succeeded, 1 if some failed, 2 on wrong use and for input that can't be
read or output that can't be written, 130 after Ctrl-C
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "map",
        allow_abbrev=False,
        help="run a Python function over items",
        description="Run FUNCTION over items, several at once, on the right kind of worker.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("function", metavar="FUNCTION", help="module:name or path/to/file.py:name")
    inputs.add_to(parser)
    group = parser.add_argument_group("how to run it")
    group.add_argument("--on", default="auto", choices=KIND_NAMES, help="kind of worker (default: auto)")
    group.add_argument("--max-workers", type=int, metavar="N", help="how many workers at most")
    group.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="longest an item may take, or '5x median'")
    group.add_argument(
        "--retries", type=int, default=0, metavar="N", help="how often an item that failed is tried again"
    )
    group.add_argument(
        "--on-error",
        choices=("raise", "keep", "skip"),
        default="keep",
        help="after a failure: raise stops, keep writes the error in the item's place (default), skip leaves it out",
    )
    group.add_argument("--unordered", action="store_true", help="write results as they come, not in input order")
    group = parser.add_argument_group("what to write")
    group.add_argument("--output", metavar="FILE", help="write results there instead of stdout")
    group.add_argument("--bare", action="store_true", help="write results alone")
    group.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="a bar on stderr (default: if that is a terminal and it takes over a second)",
    )
    group.add_argument("--explain", action="store_true", help="say on stderr which workers ran it, and why")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Run the command; its exit status."""
    with ExitStack() as house:
        piped = asked.output in {None, "-"}
        stdout = house.enter_context(open_stdout()) if piped else None
        fn = find_function(asked.function)
        options = _options(asked, watched=stdout is not None and stdout.isatty())
        items = inputs.items_of(asked, house)
        file = stdout or house.enter_context(open_file(asked.output))
        writer = Writer(file, "stdout" if piped else repr(asked.output), bare=asked.bare)
        job = _Run(fn, items, options, writer, silent=asked.on_error == "skip")
        try:
            job.write_all()
        except BrokenPipeError:  # whoever read our output has seen enough
            return PIPE_CLOSED
        except (Exception, KeyboardInterrupt):
            job.summarize(explain=asked.explain)
            raise
        job.summarize(explain=asked.explain)
        return 1 if job.failed else 0


def _seconds(text: str) -> float | str:
    """A number where it is one; what else it may be, the options know."""
    try:
        return float(text)
    except ValueError:
        return text


def _options(asked: argparse.Namespace, *, watched: bool) -> Options:
    """The options; where results are *watched* on a terminal as they come, they are the progress."""
    progress = False if asked.progress is None and watched else asked.progress
    try:
        return Options.of(
            {
                "on": asked.on,
                "max_workers": asked.max_workers,
                "ordered": not asked.unordered,
                "timeout": asked.timeout,
                "retries": asked.retries,
                # "skip" is kept too, and left out here: a place in the results is how we know the index
                "on_error": "raise" if asked.on_error == "raise" else "keep",
                "progress": progress,
            }
        )
    except OptionError as error:
        raise Mistake(f"--{error}".replace("_", "-", 1)) from error


class _Run:
    """One run of the command."""

    def __init__(
        self, fn: Callable[..., Any], items: Iterable[Any], options: Options, writer: Writer, *, silent: bool
    ) -> None:
        total = len(items) if isinstance(items, list) else None
        self._items: dict[int, Any] = {}  # read, and not yet written
        self._execution = Execution(fn, self._remembered(items), options, star=False, total=total)
        self._writer, self._silent = writer, silent
        self._named: list[str] = []
        self.failed = self._written = 0

    def write_all(self) -> None:
        """Write every result as it comes."""
        flushed = 0.0
        with closing(self._execution.batches()) as batches:
            try:
                for batch in batches:
                    for index, result in enumerate(batch, self._execution.first):
                        self._write(index, self._items.pop(index), result)
                    if (now := monotonic()) - flushed > FLUSH_EVERY:
                        self._writer.flush()
                        flushed = now
            except Mistake:
                raise
            except Exception as error:
                failure = next((known for known in self._execution.failures if known.error is error), None)
                if failure is None:
                    raise
                self._write(failure.index, failure.item, failure)  # on_error="raise"
            finally:
                self._writer.flush()

    def summarize(self, *, explain: bool) -> None:
        """Say on stderr how it went, as far as there is something to say."""
        if explain:
            say(self._execution.explain())
        if self.failed:
            say(f"weft: {self.failed:,} of {self.failed + self._written:,} items failed")
            for line in self._named:
                say(f"  {line}")
            if self.failed > len(self._named):
                say(f"  … and {self.failed - len(self._named):,} more")

    def _remembered(self, items: Iterable[Any]) -> Iterator[Any]:
        for index, item in enumerate(items):
            self._items[index] = item
            yield item

    def _write(self, index: int, item: Any, result: Any) -> None:
        if isinstance(result, Failure):
            message = _text(result.error)
            if not self._silent:
                self._writer.error(index, item, message)
            self._count(index, item, message)
        else:
            trouble = self._writer.result(index, item, result)
            if trouble is None:
                self._written += 1
            else:
                self._count(index, item, trouble)

    def _count(self, index: int, item: Any, message: str) -> None:
        self.failed += 1
        if len(self._named) < NAMED:
            lines = message.splitlines() or [""]
            self._named.append(f"item {index} ({reprlib.repr(item)}): {lines[0]}")


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  a user's __str__ may do anything
        return type(error).__name__
