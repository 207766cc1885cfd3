"""Where items come from: arguments, lines, JSON Lines, CSV, file names, stdin."""

from __future__ import annotations

import argparse
import csv
import glob
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from .mistake import Mistake


def add_to(parser: argparse.ArgumentParser) -> None:
    """The ways to say where items come from."""
    parser.add_argument(
        "items",
        nargs="*",
        default=[],
        metavar="ITEMS",
        help="the items, as strings; a single -, or nothing in a pipe, is stdin, a line an item",
    )
    group = parser.add_argument_group("where items come from, if not from ITEMS (FILE may be -, for stdin)")
    group.add_argument("--lines", metavar="FILE", help="a text file: each line is an item")
    group.add_argument("--jsonl", metavar="FILE", help="a JSON Lines file: each line's value is an item")
    group.add_argument(
        "--csv", metavar="FILE", help="a CSV file with a heading: each row is an item, a dict of strings"
    )
    group.add_argument("--glob", metavar="PATTERN", help="file names, sorted; ** goes into folders")


def items_of(asked: argparse.Namespace, house: ExitStack) -> Iterable[Any]:
    """The items, read lazily; files are opened now and closed by *house*.

    Raises:
        Mistake: None or more than one source was named, or one can't be read.
    """
    named = {name: getattr(asked, name) for name in ("lines", "jsonl", "csv", "glob")}
    sources = [f"--{name}" for name, value in named.items() if value is not None]
    if asked.items:
        sources.append("ITEMS")
    if len(sources) > 1:
        raise Mistake(f"items come from one place, not from {' and '.join(sources)}")
    if not sources and not _is_piped():
        raise Mistake("no items: name some, or a file with --lines, --jsonl, --csv or --glob, or - for stdin")
    if named["glob"] is not None:
        return _files(named["glob"])
    if asked.items and asked.items != ["-"]:
        return list(asked.items)
    path = next((value for value in named.values() if value is not None), "-")
    read = {"--jsonl": _json_lines, "--csv": _rows}.get("".join(sources), _lines)
    return read(_open(path, asked.output, house), "stdin" if path == "-" else path)


def _open(path: str, output: str | None, house: ExitStack) -> TextIO:
    if path == "-":
        return _stdin()
    try:
        # what is not UTF-8 is let through, so that _numbered can say in which line it is
        file = Path(path).open(encoding="utf-8", errors="surrogateescape", newline="")  # noqa: SIM115
    except OSError as error:
        raise Mistake(f"{path!r} can't be read: {error.strerror or error}") from error
    house.enter_context(file)
    if output is not None and os.path.isfile(output) and os.path.samefile(path, output):  # noqa: PTH113, PTH121
        raise Mistake(f"--output {output} is the file that items are read from, and would empty it")
    return file


def _is_piped() -> bool:
    return sys.stdin is not None and not sys.stdin.isatty()


def _stdin() -> TextIO:
    if sys.stdin is None:
        raise Mistake("stdin is closed: there is nothing to read")
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")
    return sys.stdin


def _numbered(file: TextIO, name: str) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        for number, line in enumerate(file, 1):
            if not line.isascii():
                line.encode()
            yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeEncodeError as error:
        raise Mistake(f"{name}, line {number}: this is not UTF-8 text") from error
    except OSError as error:
        raise Mistake(f"{name}, after line {number}: can't be read: {error.strerror or error}") from error


def _lines(file: TextIO, name: str) -> Iterator[str]:
    for _, line in _numbered(file, name):
        yield line.rstrip("\r\n")


def _json_lines(file: TextIO, name: str) -> Iterator[Any]:
    for number, line in _numbered(file, name):
        if not line.strip():
            continue
        try:
            value = json.loads(line.rstrip("\r\n"))
        except json.JSONDecodeError as error:
            raise Mistake(f"{name}, line {number}, column {error.colno}: this is not JSON: {error.msg}") from error
        except RecursionError as error:
            raise Mistake(f"{name}, line {number}: this JSON is nested too deeply") from error
        except ValueError as error:  # a number of too many digits
            raise Mistake(f"{name}, line {number}: this JSON can't be read: {error}") from error
        yield value


def _rows(file: TextIO, name: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.DictReader((line for _, line in _numbered(file, name)), strict=True)
    try:
        heading = list(reader.fieldnames or ())
        twice = next((field for field in heading if heading.count(field) > 1), None)
        if twice is not None:
            raise Mistake(f"{name}, line 1: the heading has {twice!r} twice")
        for row in reader:
            if None in row or None in row.values():
                fields = len(heading) + len(row.get(None) or ()) - sum(value is None for value in row.values())
                where = f"{name}, line {reader.line_num}"
                raise Mistake(
                    f"{where}: this row has {fields} field{'s' * (fields != 1)}, the heading has {len(heading)}"
                )
            yield row
    except csv.Error as error:
        raise Mistake(f"{name}, line {reader.line_num + 1}: this is not CSV: {error}") from error


def _files(pattern: str) -> list[str]:
    # strings, not paths, are what functions of file names take
    found = [name for name in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(name)]  # noqa: PTH112, PTH207
    if not found:
        raise Mistake(f"no file matches {pattern!r}")
    return found
