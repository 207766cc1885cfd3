"""Where results go: JSON Lines on stdout or into a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from .asjson import to_json
from .mistake import Mistake


class Writer:
    """Writes a line of JSON for each item.

    Args:
        file: Where to.
        name: What to call that in an error.
        bare: Whether to write results alone.
    """

    def __init__(self, file: TextIO, name: str, *, bare: bool) -> None:
        self._file, self._name, self._bare = file, name, bare

    def result(self, index: int, item: Any, result: Any) -> str | None:
        """Write a result; what is wrong with it if JSON can't hold it, and then it is written as an error."""
        try:
            line = to_json(result if self._bare else {"index": index, "item": item, "result": result})
        except TypeError as error:
            message = f"TypeError: the result can't be written as JSON: {error}"
            self.error(index, item, message)
            return message
        self._write(line)
        return None

    def error(self, index: int, item: Any, message: str) -> None:
        """Write what became of an item that failed."""
        if not self._bare:
            try:
                line = to_json({"index": index, "item": item, "error": message})
            except TypeError:
                line = to_json({"index": index, "item": repr(item), "error": message})
            self._write(line)

    def flush(self) -> None:
        """Hand on what has been written."""
        try:
            self._file.flush()
        except BrokenPipeError:  # whoever reads has seen enough, which is no trouble
            raise
        except OSError as error:
            raise self._full(error) from error

    def _write(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> Mistake:
        return Mistake(f"{self._name} can't be written: {error.strerror or error}")


@contextmanager
def open_file(path: str) -> Iterator[TextIO]:
    """The file at *path*, empty.

    Raises:
        Mistake: It can't be written.
    """
    try:
        file = Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")  # noqa: SIM115
    except OSError as error:
        raise Mistake(f"{path!r} can't be written: {error.strerror or error}") from error
    try:
        yield file
    finally:
        with suppress(OSError):  # was reported when it was flushed
            file.close()


@contextmanager
def open_stdout() -> Iterator[TextIO]:
    """Stdout for results alone: where that is a file or a pipe, what the user's code prints goes to stderr.

    UTF-8, as JSON is; half a surrogate pair, which UTF-8 lacks, is escaped as JSON has it.

    Raises:
        Mistake: It is closed.
    """
    if sys.stdout is None:
        raise Mistake("stdout is closed: name a file with --output")
    sys.stdout.flush()
    if not _is_descriptor_1(sys.stdout) or sys.stdout.isatty():
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        yield sys.stdout
        return
    kept = os.dup(1)
    elsewhere = os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else os.dup(2)
    os.dup2(elsewhere, 1)
    os.close(elsewhere)
    file = open(kept, "w", encoding="utf-8", errors="backslashreplace", newline="\n", closefd=False)  # noqa: SIM115
    try:
        yield file
    finally:
        with suppress(OSError):  # was reported when it was flushed
            file.close()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _is_descriptor_1(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 1
    except (OSError, ValueError, AttributeError):  # somebody captures it
        return False
