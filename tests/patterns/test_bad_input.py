"""Bad input gets a clear sentence, and nothing has been run by then."""

from __future__ import annotations

import importlib
import threading

import pytest

import weft


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"max_worker": 2}, "unknown keyword 'max_worker': did you mean 'max_workers'?"),
        ({"n_jobs": 2}, "unknown keyword 'n_jobs': did you mean 'max_workers'?"),
        ({"return_exceptions": True}, "did you mean 'on_error'?"),
        ({"xyzzy": 1}, "unknown keyword 'xyzzy': there are: buffersize, chunksize"),
        ({"max_workers": 0}, "max_workers must be a whole number, 1 or more, not 0"),
        ({"max_workers": 2.5}, "max_workers must be a whole number, 1 or more, not 2.5"),
        ({"max_workers": True}, "max_workers must be a whole number"),
        ({"timeout": -1}, "timeout must be a number greater than 0, not -1"),
        ({"timeout": 0}, "timeout must be a number greater than 0, not 0"),
        ({"timeout": float("nan")}, "timeout must be a number greater than 0, not nan"),
        ({"timeout": "3"}, "timeout must be a number of seconds, or a multiple of the median such as '5x median'"),
        ({"rate": 0}, "rate must be a number greater than 0, not 0"),
        ({"retries": -1}, "retries must be a whole number, 0 or more, not -1"),
        ({"retries": None}, "retries must be a whole number, 0 or more, not None"),
        ({"chunksize": 0}, "chunksize must be a whole number, 1 or more, not 0"),
        ({"buffersize": 0}, "buffersize must be a whole number, 1 or more, not 0"),
        ({"seed": -1}, "seed must be a whole number, 0 or more, not -1"),
        (
            {"on": "proces"},
            "on must be one of 'auto', 'serial', 'thread', 'process', 'interpreter', 'async', 'ray'",
        ),
        ({"on": 3}, "on must be one of"),
        ({"on_error": "ignore"}, "on_error must be 'raise', 'keep' or 'skip', not 'ignore'"),
        ({"ordered": "no"}, "ordered must be True or False, not 'no'"),
        ({"progress": "yes"}, "progress must be True, False, None or a callable"),
        ({"name": 3}, "name must be a string, not 3"),
    ],
)
def test_a_bad_option_is_one_clear_sentence(asked, says):
    """It names the option, what it must be and what was given."""
    with pytest.raises((TypeError, ValueError)) as caught:
        weft.map(abs, [1], **asked)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_keyword_is_a_typeerror_and_a_bad_value_a_valueerror():
    """As callers of the standard library expect."""
    with pytest.raises(TypeError):
        weft.starmap(divmod, [], max_worker=1)
    with pytest.raises(ValueError):
        weft.submit(abs, 1, on="proces")


def test_something_that_cannot_be_called_or_iterated_says_so():
    with pytest.raises(TypeError, match="must be something to call, not 3"):
        weft.map(3, [1])
    with pytest.raises(TypeError, match="must be iterable, and 'int' is not"):
        weft.map(abs, 3)
    with pytest.raises(TypeError, match="at least one iterable"):
        weft.map(abs)


class Session:
    def __init__(self):
        self.pools = {"main": [threading.Lock()]}


def test_a_function_that_cannot_be_sent_names_the_part_and_the_remedy():
    """Not "cannot pickle '_thread.lock' object", but where it is and what to do."""
    session = Session()
    with pytest.raises(weft.NotSendable) as caught:
        list(weft.map(lambda n: session and n, [1], on="process"))
    message = str(caught.value)
    assert "closure variable 'session'.pools['main'][0] is a _thread.lock" in message
    assert "Create it inside the function" in message
    assert "on='thread'" in message


def test_an_item_that_cannot_be_sent_fails_alone():
    """Its neighbours in the same chunk are kept."""
    items = [1, threading.Lock(), 3]
    results = list(weft.map(type, items, on="process", on_error="keep", chunksize=3))
    assert (results[0], results[2]) == (int, int)
    assert isinstance(results[1].error, weft.NotSendable)
    assert str(results[1].error).startswith("item 1 can't be sent to another process")


def test_a_result_that_cannot_come_back_fails_alone():
    def make(n):
        return threading.Lock() if n == 1 else n

    results = list(weft.map(make, range(3), on="process", on_error="keep", chunksize=3))
    assert (results[0], results[2]) == (0, 2)
    assert str(results[1].error).startswith("result of item 1 can't be sent to another process")


class ReadsBadly:
    """Pickles, and can't be unpickled."""

    def __init__(self, where="always"):
        self.where = where

    def __reduce__(self):
        return _explode, (self.where,)


def _explode(where):
    raise RuntimeError(f"unreadable {where}")


def test_an_item_that_cannot_be_read_in_the_worker_fails_alone():
    results = list(weft.map(type, [1, ReadsBadly(), 3], on="process", on_error="keep", chunksize=3))
    assert (results[0], results[2]) == (int, int)
    assert isinstance(results[1].error, RuntimeError)


def test_a_result_that_cannot_be_read_here_fails_alone():
    def make(n):
        return ReadsBadly() if n == 1 else n

    results = list(weft.map(make, range(3), on="process", on_error="keep", chunksize=3))
    assert (results[0], results[2]) == (0, 2)
    assert isinstance(results[1].error, weft.NotSendable)


def test_a_module_that_starts_a_run_while_a_worker_imports_it_says_so(tmp_path, monkeypatch):
    """Or its workers would import it too, and start workers, without end."""
    (tmp_path / "starts_a_run.py").write_text(
        "import weft\ndef fn(n): return n\nrows = weft.map(fn, range(3), on='process').results()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(weft.WeftError, match="move that into a function, or under if __name__"):
        importlib.import_module("starts_a_run")


def test_a_module_that_fails_in_the_worker_fails_the_items(tmp_path, monkeypatch):
    """A function whose module can't be imported there says so for each item, and nothing hangs."""
    flag = tmp_path / "flag"
    (tmp_path / "only_once.py").write_text(
        f"import pathlib\nif pathlib.Path({str(flag)!r}).exists(): raise ImportError('not again')\n"
        "def fn(n): return n\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_once

    flag.touch()
    [failure] = list(weft.map(only_once.fn, [1], on="process", on_error="keep"))
    assert "not again" in str(failure.error)
    assert any("loaded in the worker" in note for note in failure.error.__notes__)
