"""FUNCTION on the command line: ``module:name`` or ``path/to/file.py:name``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from .mistake import Mistake


def find_function(text: str) -> Callable[..., Any]:
    """The function that *text* names.

    Raises:
        Mistake: There is no such file, module or name, or it can't be called.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise Mistake(f"{text!r} names no function: write module:name or path/to/file.py:name")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise Mistake(f"{place!r} has no {part!r}{_near(part, found)}")
        found = getattr(found, part)
    if not callable(found):
        raise Mistake(f"{text!r} is a {type(found).__name__} and can't be called")
    fn: Callable[..., Any] = found
    return fn


def _near(name: str, place: object) -> str:
    public = [known for known in dir(place) if not known.startswith("_") and callable(getattr(place, known, None))]
    near = get_close_matches(name, public, 1)
    return f": did you mean {near[0]!r}?" if near else ""


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise Mistake(f"there is no module {missing!r} here or in this environment") from error
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error


def _load_file(path: Path) -> ModuleType:
    """Import a file as ``python file.py`` would: its folder comes first on the path."""
    if not path.is_file():
        raise Mistake(f"there is no file {str(path)!r}")
    sys.path.insert(0, str(path.resolve().parent))
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise Mistake(f"{str(path)!r} can't be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _broken(str(path), error) from error
    return module


def _broken(place: str, error: Exception) -> Mistake:
    """What went wrong while the user's own module was being loaded, and in which line of it."""
    if isinstance(error, SyntaxError):
        return Mistake(f"{place!r} can't be imported: {error.msg} ({error.filename}, line {error.lineno})")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return Mistake(f"{place!r} can't be imported: {type(error).__name__}: {error}{where}")
