"""Which modules another process would find under their name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType


def importable(module: ModuleType) -> bool:
    """Whether a new interpreter with this ``sys.path`` would import the same file under the same name."""
    name = module.__name__
    if name == "__main__":
        return True  # the codec sends what is in it by value anyway
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    if spec.origin in {"built-in", "frozen"} or not spec.has_location:
        return True
    parent, _, _ = name.rpartition(".")
    path: Sequence[str] = sys.path
    if parent:
        package = sys.modules.get(parent)
        if package is None or not importable(package):
            return False
        path = getattr(package, "__path__", ())
    found = _origin(name, *path)
    if found is None:  # another finder brought it, an editable install's for example: workers have it too
        return any(getattr(finder, "__module__", "").startswith("__editable__") for finder in sys.meta_path)
    return bool(found == spec.origin)


@lru_cache(maxsize=1024)  # some 50 µs each, and every run asks for its function's; files hardly ever move
def _origin(name: str, *path: str) -> str | None:
    """The file that is found under that *name* on this *path*; ``None`` if nothing is."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec(name, list(path))
    return None if spec is None else spec.origin
