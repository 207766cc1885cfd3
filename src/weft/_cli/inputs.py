"""Where items come from: arguments, lines, JSON Lines, CSV, file names, stdin."""

from __future__ import annotations

import argparse
import csv
import glob
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from .mistake import Mistake


def add_to(parser: argparse.ArgumentParser) -> None:
    """The ways to say where items come from."""
    parser.add_argument("items", nargs="*", metavar="ITEMS", help="the items, as strings; a single - is stdin, a line an item")
    group = parser.add_argument_group("where items come from, if not from ITEMS (FILE may be -, for stdin)")
    group.add_argument("--lines", metavar="FILE", help="a text file: each line is an item")
    group.add_argument("--jsonl", metavar="FILE", help="a JSON Lines file: each line's value is an item")
    group.add_argument("--csv", metavar="FILE", help="a CSV file with a heading: each row is an item, a dict of strings")
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
    if not sources:
        raise Mistake("no items: name some, or a file with --lines, --jsonl, --csv or --glob, or - for stdin")
    if named["glob"] is not None:
        return _files(named["glob"])
    if asked.items and asked.items != ["-"]:
        return list(asked.items)
    path = next((value for value in named.values() if value is not None), "-")
    read = {"--jsonl": _json_lines, "--csv": _rows}.get(sources[0], _lines)
    return read(_open(path, house), "stdin" if path == "-" else path)


def _open(path: str, house: ExitStack) -> TextIO:
    if path == "-":
        return sys.stdin
    try:
        return house.enter_context(Path(path).open(encoding="utf-8", newline=""))
    except OSError as error:
        raise Mistake(f"{path!r} can't be read: {error.strerror or error}") from error


def _numbered(file: TextIO, name: str) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        for number, line in enumerate(file, 1):
            yield number, line
    except UnicodeDecodeError as error:
        raise Mistake(f"{name}, after line {number}: this is not UTF-8 text ({error.reason})") from error
    except OSError as error:
        raise Mistake(f"{name}, after line {number}: can't be read: {error.strerror or error}") from error


def _lines(file: TextIO, name: str) -> Iterator[str]:
    for _, line in _numbered(file, name):
        yield line.rstrip("\r\n")


def _json_lines(file: TextIO, name: str) -> Iterator[Any]:
    for number, line in _numbered(file, name):
        if line.isspace():
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise Mistake(f"{name}, line {number}, column {error.colno}: this is not JSON: {error.msg}") from error


def _rows(file: TextIO, name: str) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(line for _, line in _numbered(file, name))
    try:
        for row in reader:
            if None in row or None in row.values():
                got = sum(value is not None for key, value in row.items() if key is not None) + len(row.get(None) or ())
                wanted = len(reader.fieldnames or ())
                raise Mistake(f"{name}, line {reader.line_num}: this row has {got} fields, the heading has {wanted}")
            yield row
    except csv.Error as error:
        raise Mistake(f"{name}, line {reader.line_num}: this is not CSV: {error}") from error


def _files(pattern: str) -> list[str]:
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  strings are what functions of paths take
    if not found:
        raise Mistake(f"no file matches {pattern!r}")
    return found
