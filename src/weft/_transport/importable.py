"""Which modules another process would find under their name."""

from __future__ import annotations

import sys
from types import ModuleType


def importable(module: ModuleType) -> bool:
    """Whether a new interpreter with this ``sys.path`` would import the same file under the same name."""
    from importlib.machinery import PathFinder

    name = module.__name__
    if name == "__main__":
        return True  # the codec sends what is in it by value anyway
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    if spec.origin in {"built-in", "frozen"} or not spec.has_location:
        return True
    parent, _, _ = name.rpartition(".")
    path = None
    if parent:
        package = sys.modules.get(parent)
        if package is None or not importable(package):
            return False
        path = list(getattr(package, "__path__", ()))
    found = PathFinder.find_spec(name, path)
    if found is None:  # another finder brought it, an editable install's for example: workers have it too
        return any(getattr(finder, "__module__", "").startswith("__editable__") for finder in sys.meta_path)
    return bool(found.origin == spec.origin)
