"""A value as one line of strict JSON."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import os
import uuid
from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any


def to_json(value: Any) -> str:
    """One line of strict JSON; what JSON has no word for and is plainly data becomes the nearest it has.

    NaN and infinities become ``null``, dataclasses objects, arrays and sets lists, dates and paths strings.

    Raises:
        TypeError: The value holds something that is not data, or holds itself.
    """
    try:
        return _encode(value)
    except TypeError:
        raise
    except RecursionError as error:
        raise TypeError("it is nested too deeply, or holds itself") from error
    except Exception as error:  # a user's property or tolist() may do anything
        raise TypeError(f"{type(error).__name__}: {error}") from error


def _encode(value: Any) -> str:
    try:
        return json.dumps(value, default=_nearest, ensure_ascii=False, allow_nan=False)
    except ValueError:  # NaN and infinities, which JSON lacks
        finite = _finite(value)
        return json.dumps(finite, default=lambda part: _finite(_nearest(part)), ensure_ascii=False, allow_nan=False)


def _nearest(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, os.PathLike | uuid.UUID | Decimal | Fraction):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", errors="backslashreplace")
    if hasattr(value, "tolist") and not isinstance(value, type):  # arrays and scalars of NumPy and its kin
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Collection) and not isinstance(value, type):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is not data that JSON can hold")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
