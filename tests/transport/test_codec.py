"""Values and errors to bytes and back."""

from __future__ import annotations

import functools
import gc
import os
import pickle
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from weft._transport import codec
from weft._transport.codec import dump_error, dumps, load_error, loads, not_sendable
from weft._transport.culprit import find_culprit
from weft.errors import NotSendable, WeftError, WorkerTraceback


class Hostile:
    """A value whose every operation is an error, except to be pickled."""

    def refuse(self, *args: object) -> NoReturn:
        raise AssertionError("somebody looked at a value")

    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __hash__ = __iter__ = __repr__ = __str__ = refuse
    __getitem__ = __contains__ = refuse


# ── values ──


@pytest.mark.parametrize(
    "value",
    [None, 0, "text", b"\x00__main__\x00", {"a": [1, (2, {3})]}, float("inf"), ValueError("x").args, range(3)],
    ids=repr,
)
def test_plain_values_come_back_equal(value: object) -> None:
    """Most of what travels."""
    assert loads(dumps(value)) == value


class Reader:
    """Says while it is read whether there may be collections, and may do something else."""

    seen: tuple[bool, ...] = ()

    def __init__(self, deed: str = "") -> None:
        self.deed = deed

    def __setstate__(self, state: dict[str, str]) -> None:
        Reader.seen += (collects(),)
        match state["deed"]:
            case "fail":
                raise ValueError("no")
            case "fork":
                pid = os.fork()
                if pid == 0:
                    os._exit(0 if collects() else 1)
                assert os.waitpid(pid, 0)[1] == 0
            case "disable":  # as a module may that is imported for it
                gc.disable()
            case "say":
                gc.set_threshold(5_000)
            case "nest":
                loads(dumps([b"x" * codec.LARGE, Reader()]))


def collects() -> bool:
    return gc.isenabled() and gc.get_threshold()[0] > 0


@pytest.fixture
def collecting() -> Iterator[None]:
    Reader.seen, before = (), gc.get_threshold()
    assert collects()
    yield
    assert not codec._THRESHOLDS
    gc.enable()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collecting")
def test_what_is_large_is_read_without_a_collection_in_its_midst() -> None:
    """All of it is alive. What is small is read as ever, and afterwards all is as it was."""
    large = b"x" * codec.LARGE
    loads(dumps([large, Reader()]))
    loads(dumps([b"x", Reader()]))
    loads(dumps([large, Reader("nest")]))
    assert Reader.seen == (False, True, False, False)
    assert collects()


@pytest.mark.usefixtures("collecting")
def test_what_is_said_of_collections_meanwhile_stays_said() -> None:
    """By whoever had them off before, or by a module that is imported for the value."""
    large = b"x" * codec.LARGE
    loads(dumps([large, Reader("say")]))
    assert gc.get_threshold()[0] == 5_000
    loads(dumps([large, Reader("disable")]))
    assert not gc.isenabled()
    assert gc.get_threshold()[0] == 5_000
    loads(dumps([large, Reader()]))
    assert not gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_collections_go_on_after_an_error_and_in_a_copy() -> None:
    """One that is forked from within; a copy forked by another thread does not even have the thread that reads."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="no"):
        loads(dumps([b"x" * codec.LARGE, Reader("fail")]))
    assert gc.get_threshold() == before
    if hasattr(os, "fork"):
        loads(dumps([b"x" * codec.LARGE, Reader("fork")]))
        assert Reader.seen == (False, False)
        assert gc.get_threshold() == before


def test_functions_that_nobody_can_import_travel_by_value() -> None:
    """Lambdas, closures and what is defined inside functions are what people write."""
    offset = 5

    class Point:
        x = 1

    assert loads(dumps(lambda n: n + offset))(1) == 6
    assert loads(dumps(Point))().x == 1
    assert loads(dumps([Point()]))[0].x == 1


def test_what_plain_pickle_can_do_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way is many times slower."""
    monkeypatch.setattr(codec, "dumps_by_value", lambda value: pytest.fail("cloudpickle was used"))
    assert loads(dumps([1, len, threading.Thread])) == [1, len, threading.Thread]


def test_a_hostile_value_is_only_cargo() -> None:
    """Packed and unpacked without being compared, counted, hashed or shown; alone and among others."""
    for value in (Hostile(), [Hostile(), Hostile()], {"key": Hostile()}):
        assert type(loads(dumps(value))) is type(value)


# ── what can't travel ──


class Slotted:
    __slots__ = ("fine", "lock")

    def __init__(self) -> None:
        self.fine, self.lock = 1, threading.Lock()


class Holder:
    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)

    def method(self, item: Any) -> Any:
        return item


LOCK = threading.Lock()


def uses_global() -> Any:
    return LOCK


def by_closure(lock: Any) -> Any:
    return lambda: lock


def by_default(lock: Any) -> Any:
    return lambda item, lock=lock: lock


def by_keyword_default(lock: Any) -> Any:
    return lambda item, *, lock=lock: lock


@pytest.mark.parametrize(
    ("value", "path", "culprit"),
    [
        (threading.Lock(), "", "_thread.lock"),
        ([1, 2, threading.Lock()], "[2]", "_thread.lock"),
        ({"db": {"lock": threading.Lock()}}, "['db']['lock']", "_thread.lock"),
        ({Holder: threading.Lock()}, "[type]", "_thread.lock"),
        ({threading.Lock(): 1}, "key lock", "_thread.lock"),
        ({1, threading.Lock()}, "member", "_thread.lock"),
        (Holder(session=Holder(lock=threading.Lock())), ".session.lock", "_thread.lock"),
        (Slotted(), ".lock", "_thread.lock"),
        (functools.partial(len, threading.Lock()), "argument 0", "_thread.lock"),
        (functools.partial(len, key=threading.Lock()), "argument 'key'", "_thread.lock"),
        (by_closure(threading.Lock()), "closure variable 'lock'", "_thread.lock"),
        (by_default(threading.Lock()), "default argument 0", "_thread.lock"),
        (by_keyword_default(threading.Lock()), "default argument 'lock'", "_thread.lock"),
        (Holder(lock=threading.Lock()).method, "bound object.lock", "_thread.lock"),
        ((n for n in ()), "", "generator"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_the_part_that_can_not_travel_is_named(value: object, path: str, culprit: str) -> None:
    """Pickle says that it cannot pickle a lock, but not where in a model of two hundred attributes that is."""
    assert find_culprit(value, dumps) == (path, culprit)


def test_the_search_for_the_culprit_ends() -> None:
    """Whatever the value holds: itself, or values nobody may look at."""
    loop: list[Any] = [threading.Lock()]
    loop.append(loop)
    assert find_culprit(loop, dumps) == ("[0]", "_thread.lock")
    loop = [1]
    loop += [loop, threading.Lock()]
    assert find_culprit(loop, dumps) == ("[2]", "_thread.lock")
    assert find_culprit([0] * 5000 + [threading.Lock()], dumps) == ("[5000]", "_thread.lock")
    nested: Any = threading.Lock()
    for _ in range(100):
        nested = [nested]
    path, _ = find_culprit(nested, dumps)
    assert path == "[0]" * 12


class Secretive:
    """Refuses to be pickled and to be looked at."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Secretive
        raise RuntimeError("nobody's business")


@pytest.mark.parametrize(
    "value", [Secretive(), [Secretive()], {(Hostile, 1): threading.Lock()}], ids=["alone", "in", "key"]
)
def test_a_value_that_refuses_to_be_looked_at_is_reported_all_the_same(value: object) -> None:
    """The report must not hide the trouble behind one of its own."""
    refused = not_sendable(value, "item 3", TypeError("no"))
    assert isinstance(refused, NotSendable)
    assert "item 3 can't be sent" in str(refused)


def test_the_report_says_what_where_and_what_now() -> None:
    """And keeps pickle's own words."""
    value = Holder(lock=threading.Lock())
    with pytest.raises(TypeError) as caught:
        dumps(value)
    refused = not_sendable(value, "item 3", caught.value)
    assert "item 3 can't be sent to another process: its .lock is a _thread.lock" in str(refused)
    assert "on='thread'" in str(refused)
    assert str(pickle.loads(pickle.dumps(refused))) == str(refused)


# ── errors ──


class Simple(Exception):
    pass


class NeedsTwo(Exception):
    """The commonest fault of exception classes: it does not survive pickling."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


class KeepsLock(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock, self.code = threading.Lock(), 7


class HasLockInArgs(Exception):
    pass


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Undecided(Exception):
    """NumPy's arrays are so, too."""

    def __bool__(self) -> bool:
        raise RuntimeError("neither")


def of_a_class_that_stays(*bases: type[Exception]) -> Exception:
    """An exception of a class that can be neither imported nor sent."""
    return type("Stays", bases, {"lock": threading.Lock(), "__module__": "__main__"})("why")


class Refuses(Exception):
    def __reduce__(self) -> NoReturn:
        raise RuntimeError("not me")


class Lies(Exception):
    def __reduce__(self) -> Any:
        return ValueError, ("something else",)


@dataclass(frozen=True)
class Frozen(Exception):
    """Lets nobody set an attribute, not even a cause."""

    code: int
    reason: str = "none"


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def there_and_back(error: BaseException) -> BaseException:
    caught = raised(error)
    return load_error(dump_error(caught, "process-1", caught.__traceback__))


@pytest.mark.parametrize(
    "error",
    [
        Simple("text"),
        NeedsTwo(404, "gone"),
        KeyError("a"),
        OSError(2, "no such file", "name"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        SystemExit(3),
        KeyboardInterrupt(),
        Refuses("x"),
        KeepsLock("locked"),
        Lies("x"),
        Frozen(1),
        Frozen(code=2, reason="given by name"),
        ExceptionGroup("several", [ValueError(1), Simple(2)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_as_its_own_class_and_text(error: BaseException) -> None:
    """``except NeedsTwo`` must work in the caller whatever the class's author did."""
    back = there_and_back(error)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert repr(back.args) == repr(error.args)


def test_attributes_of_an_error_travel_as_far_as_they_can() -> None:
    """A status code is what people look at."""
    back = there_and_back(NeedsTwo(404, "gone"))
    assert isinstance(back, NeedsTwo)
    assert (back.code, back.reason) == (404, "gone")
    back = there_and_back(KeepsLock("locked"))
    assert isinstance(back, KeepsLock)
    assert back.code == 7
    assert not hasattr(back, "lock")


def test_arguments_that_can_not_travel_arrive_as_text() -> None:
    """Who catches that class catches it."""
    back = there_and_back(HasLockInArgs("in use", {"by": threading.Lock()}))
    assert isinstance(back, HasLockInArgs)
    assert back.args[0] == "in use"
    assert "'by': <unlocked" in back.args[1]


def test_an_error_that_is_neither_true_nor_false_arrives() -> None:
    """It is looked at on the way, as all are."""
    assert type(there_and_back(Undecided("text"))) is Undecided


def test_an_error_whose_class_is_not_known_here_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's, say, that only the worker has found: what it says, and where it was raised, is not lost with it."""
    plugin = types.ModuleType("a_plugin")
    exec("class Broken(Exception): pass", plugin.__dict__)
    with monkeypatch.context() as over_there:
        over_there.setitem(sys.modules, "a_plugin", plugin)
        caught = raised(plugin.Broken("the real reason"))
        data = dump_error(caught, "process-1", caught.__traceback__)
    back = load_error(data)
    assert type(back) is WeftError
    assert str(back) == "a_plugin.Broken: the real reason"
    assert "No module named 'a_plugin'" in back.__notes__[0]
    assert "in raised" in str(back.__cause__)


@pytest.mark.parametrize(
    ("error", "text"),
    [(of_a_class_that_stays(Exception), "Stays: why"), (of_a_class_that_stays(Unspeakable), "Stays: (its text")],
)
def test_an_error_that_can_not_travel_at_all_is_told_in_words(error: Exception, text: str) -> None:
    """Better a stand-in that says what it stands for than a pickling error that hides it."""
    back = there_and_back(error)
    assert type(back) is WeftError
    assert text in str(back)
    assert "stands in" in back.__notes__[0]


def test_where_it_was_raised_travels_as_its_cause() -> None:
    """The line in the worker is what one needs to see."""
    back = there_and_back(Simple("text"))
    assert isinstance(back.__cause__, WorkerTraceback)
    assert "in process-1" in str(back.__cause__)
    assert "in raised" in str(back.__cause__)


def test_notes_arrive_once() -> None:
    """Somebody wrote them to be read."""
    error = Simple("text")
    error.add_note("first")
    assert there_and_back(error).__notes__ == ["first"]
    two = NeedsTwo(1, "x")
    two.add_note("second")
    assert there_and_back(two).__notes__ == ["second"]


def test_notes_that_are_no_notes_do_no_harm() -> None:
    """``__notes__`` is an attribute like any other: anybody may put anything there."""
    for notes in (None, [1, Hostile()], 5):
        error = Simple("text")
        error.__notes__ = notes  # type: ignore[assignment]
        assert "text" in str(there_and_back(error))
