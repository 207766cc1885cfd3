"""FUNCTION on the command line: ``module:name`` or ``path/to/file.py:name``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from .mistake import Mistake


def find_function(text: str) -> Callable[..., Any]:
    """The function that *text* names.

    Raises:
        Mistake: There is no such file, module or name, or it can't be called.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise Mistake(f"{text!r} names no function: write module:name or path/to/file.py:name{_hint(text)}")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found: Any = module
    for part in name.split("."):
        try:
            inner = getattr(found, part)
        except AttributeError as error:
            raise Mistake(f"{place!r} has no {part!r}{_near(part, found)}") from error
        except Exception as error:
            raise Mistake(f"{text!r} can't be looked up: {in_a_line(error)}") from error
        found = inner
    if not callable(found):
        raise Mistake(f"{text!r} is a {type(found).__name__} and can't be called")
    fn: Callable[..., Any] = found
    return fn


def in_a_line(error: BaseException) -> str:
    """The error's class and the first line of what it says."""
    try:
        said = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001  a user's __str__ may do anything
        said = []
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def _hint(text: str) -> str:
    if text.endswith(".py"):
        return f", such as {text}:main"
    module, dot, name = text.rpartition(".")
    return f"; did you mean {module}:{name}?" if dot and module and name and "/" not in text else ""


def _near(name: str, place: object) -> str:
    public = [known for known in dir(place) if not known.startswith("_") and _is_callable(place, known)]
    near = get_close_matches(name, public, 1)
    return f": did you mean {near[0]!r}?" if near else ""


def _is_callable(place: object, name: str) -> bool:
    try:
        return callable(getattr(place, name, None))
    except Exception:  # noqa: BLE001  a property or a module's __getattr__ may do anything
        return False


def _load_module(name: str) -> ModuleType:
    with suppress(FileNotFoundError):  # the folder we are in was deleted
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise Mistake(f"there is no module {missing!r} here or in this environment") from error
        _refuse(name, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  importing a user's module may raise anything
        _refuse(name, error)


def _load_file(path: Path) -> ModuleType:
    """Import a file much as ``python file.py`` would: its folder comes first on the path.

    A file named like a module that exists (``json.py``, ``test.py``) hides that module from nobody: it gets
    another name, and its folder comes last.
    """
    given = str(path)
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where a folder can't be looked into
        raise Mistake(f"there is no file {given!r}")
    path = path.resolve()
    name, folder = path.stem, str(path.parent)
    if _is_taken(name, path):
        name = f"{name}_file"
        sys.path.append(folder)
    else:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Mistake(f"{given!r} can't be loaded as Python")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  importing a user's module may raise anything
        _refuse(given, error)
    return module


def _is_taken(name: str, path: Path) -> bool:
    """Whether another module than the file at *path* goes by that name."""
    if name in sys.modules:
        return True
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin != str(path)


def _refuse(place: str, error: Exception | SystemExit) -> NoReturn:
    """Say what went wrong while the user's own module was being loaded, and in which line of it."""
    if isinstance(error, SyntaxError):
        why, where = error.msg, f"{error.filename}, line {error.lineno}" if error.filename else ""
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
        why = in_a_line(error)
        if isinstance(error, SystemExit):
            why = "it ends the program where it is imported; put that under if __name__ == '__main__':"
        where = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
    raise Mistake(f"{place!r} can't be imported: {why}" + (f" ({where})" if where else "")) from error


def _is_theirs(filename: str) -> bool:
    return filename not in {__file__, importlib.__file__} and not filename.startswith("<frozen importlib")
