"""to_json: the nearest that JSON has."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import uuid
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from weft._cli.asjson import to_json

NAN, INF = float("nan"), float("inf")


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 2


class Pair(NamedTuple):
    a: int
    b: int


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"a": [1, 2.5, None, True, "é\u2028"]}, {"a": [1, 2.5, None, True, "é\u2028"]}),
        (NAN, None),
        ([1, NAN, {"a": -INF, "b": (INF,)}], [1, None, {"a": None, "b": [None]}]),
        (Point(1), {"x": 1, "y": 2}),
        ([Point(Point(NAN))], [{"x": {"x": None, "y": 2}, "y": 2}]),
        (Pair(1, 2), [1, 2]),
        (Color.RED, "red"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.10"), "1.10"),
        (Fraction(1, 3), "1/3"),
        (datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "2024-01-02T03:04:05+00:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.timedelta(seconds=90), 90.0),
        ({3}, [3]),
        (b"a\xff", "a\\xff"),
        (range(3), [0, 1, 2]),
        (collections.deque([1, 2]), [1, 2]),
        (array.array("d", [1, NAN]), [1.0, None]),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        ({"a": 1}.keys(), ["a"]),
    ],
)
def test_what_is_plainly_data_becomes_json(value: object, wanted: object) -> None:
    line = to_json(value)
    assert json.loads(line, parse_constant=pytest.fail) == wanted
    assert "\n" not in line


@pytest.mark.parametrize(
    "text",
    ["np.float64('nan')", "np.bool_(True)", "np.array([[1, np.nan]])", "np.datetime64('2024-01-02')", "np.str_('a')"],
)
def test_numpy_is_data(text: str) -> None:
    np = pytest.importorskip("numpy")
    wanted = [None, True, [[1.0, None]], "2024-01-02", "a"]
    assert json.loads(to_json(eval(text, {"np": np}))) in wanted
    assert json.loads(to_json({"deep": [Point(eval(text, {"np": np}))]}))["deep"][0]["x"] in wanted


class Hostile:
    def __getattr__(self, name: str) -> Any:
        if name == "tolist":
            raise RuntimeError("don't look at that")
        raise AttributeError(name)


def itself() -> Any:
    point = Point(1)
    point.x = [point]
    return point


@pytest.mark.parametrize(
    "value", [object(), len, int, 1j, {(1, 2): 3}, Hostile(), itself(), iter([1]), Point, open, ValueError()]
)
def test_what_is_not_data_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        to_json(value)


def test_depth_is_a_type_error_too() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match="too deeply"):
        to_json(deep)
    while deep:  # or taking it down would go as deep
        deep = deep[0]
