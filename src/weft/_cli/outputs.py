"""Where results go: JSON Lines on stdout or into a file."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import os
import sys
import uuid
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from .mistake import Mistake


class Writer:
    """Writes a line of JSON for each item.

    Args:
        file: Where to.
        bare: Whether to write results alone.
    """

    def __init__(self, file: TextIO, *, bare: bool) -> None:
        self._file, self._bare = file, bare

    def result(self, index: int, item: Any, result: Any) -> str | None:
        """Write a result; what is wrong with it if JSON can't hold it, and then it is written as an error."""
        try:
            line = to_json(result if self._bare else {"index": index, "item": item, "result": result})
        except TypeError as error:
            message = f"TypeError: the result can't be written as JSON: {error}"
            self.error(index, item, message)
            return message
        self._file.write(line + "\n")
        return None

    def error(self, index: int, item: Any, message: str) -> None:
        """Write what became of an item that failed."""
        if not self._bare:
            try:
                line = to_json({"index": index, "item": item, "error": message})
            except TypeError:
                line = to_json({"index": index, "item": repr(item), "error": message})
            self._file.write(line + "\n")

    def flush(self) -> None:
        """Hand on what has been written."""
        self._file.flush()


def open_output(path: str | None, house: ExitStack) -> TextIO:
    """The file to write to.

    Raises:
        Mistake: It can't be written.
    """
    if path is None or path == "-":
        return sys.stdout
    try:
        return house.enter_context(Path(path).open("w", encoding="utf-8"))
    except OSError as error:
        raise Mistake(f"{path!r} can't be written: {error.strerror or error}") from error


def to_json(value: Any) -> str:
    """One line of strict JSON; what JSON has no word for and is plainly data becomes the nearest it has.

    Raises:
        TypeError: The value holds something that is not data.
    """
    try:
        return json.dumps(value, default=_nearest, ensure_ascii=False, allow_nan=False)
    except ValueError:  # NaN and infinities, which JSON lacks
        return json.dumps(_finite(value), default=lambda part: _finite(_nearest(part)), ensure_ascii=False)


def _nearest(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, os.PathLike | uuid.UUID | Decimal):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", errors="backslashreplace")
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy and its kin
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is not data that JSON can hold")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
