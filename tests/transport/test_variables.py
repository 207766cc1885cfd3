"""Context variables on their way to another process: one variable stays one variable."""

from __future__ import annotations

import decimal
from contextvars import Context, ContextVar

import pytest

from weft._transport import variables
from weft._transport.codec import dumps, loads


@pytest.fixture
def elsewhere(monkeypatch):
    """Read the bytes as a process would that has never seen the variable."""

    def read(data):
        for cache in ("_NUMBERS", "_BY_NUMBER"):
            monkeypatch.setattr(variables, cache, {})
        return loads(data)

    return read


def test_back_where_it_came_from_it_is_the_same():
    variable = ContextVar("here")
    assert loads(dumps([variable, variable]))[0] is variable


def test_elsewhere_it_is_one_variable_however_often_it_comes(elsewhere):
    """In the function and in the declaration, today and in the next call."""
    variable = ContextVar("here", default=3)
    first, second = dumps([variable, variable]), dumps(variable)
    [one, two] = elsewhere(first)
    assert one is two is loads(second)
    assert one is not variable
    assert (one.name, Context().run(one.get)) == ("here", 3)


def test_one_without_a_default_has_none_elsewhere(elsewhere):
    made = elsewhere(dumps(ContextVar("bare")))
    with pytest.raises(LookupError):
        made.get()


def test_one_from_a_module_that_can_be_imported_goes_by_name(monkeypatch):
    known = ContextVar("known")
    monkeypatch.setattr(decimal, "weft_test_variable", known, raising=False)
    assert b"weft_test_variable" in dumps(known)
    assert loads(dumps(known)) is known


def test_a_default_that_cannot_travel_is_refused():
    with pytest.raises(TypeError, match="pickle"):
        dumps(ContextVar("stuck", default=(n for n in "x")))
