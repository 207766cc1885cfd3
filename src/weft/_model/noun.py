"""Frozen dataclasses that cost a start next to nothing: the same to type checkers, and to :mod:`dataclasses`.

The standard library's module takes 5 ms to import, as it imports ``inspect``, and half a millisecond for each class
that it makes. A program that starts workers would pay for that three times: itself, its server, and all at exit
(docs/design/start.md).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, replace

    __all__ = ["dataclass", "replace"]
else:

    def dataclass(*, frozen, slots, eq):
        """Make the class a frozen one with slots, equal only to itself: the one kind of noun there is."""
        assert (frozen, slots, eq) == (True, True, False)
        return _noun

    def replace(noun, /, **changes):
        """A copy of *noun* with some fields changed."""
        kind = type(noun)
        return kind(**{**{name: getattr(noun, name) for name in kind.__slots__}, **changes})

    def _noun(cls):
        names = tuple(cls.__annotations__)
        body = dict(vars(cls))
        defaults = {name: body.pop(name) for name in names if name in body}
        for unwanted in ("__dict__", "__weakref__"):
            body.pop(unwanted, None)
        body.setdefault("__repr__", _repr)
        body |= {"__slots__": names, "__match_args__": names, "_defaults": defaults}
        body |= {"__setattr__": _refuse, "__delattr__": _refuse, "__reduce__": _reduce}
        body |= {"__dataclass_fields__": _Asked(), "__dataclass_params__": _Asked(), "__signature__": _Asked()}
        made = type(cls)(cls.__name__, cls.__bases__, body)
        made.__init__ = _init_later(made)
        return made

    def _init_later(made):
        """Compile the class's own ``__init__`` when the first one is made: there is none of many a noun."""

        def __init__(self, *args, **named):  # noqa: N807  it is one
            made.__init__ = _init_of(made)
            made.__init__(self, *args, **named)

        return __init__

    def _init_of(cls):
        names, defaults = cls.__slots__, cls._defaults
        asked = ", ".join(f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names)
        lines = "".join(f"\n set_{name}(self, {name})" for name in names)
        scope = {"_defaults": defaults, **{f"set_{name}": vars(cls)[name].__set__ for name in names}}
        # Compiled first: exec() of a text, in whatever thread, has Python forget that it is ending of Ctrl-C.
        exec(compile(f"def __init__(self, {asked}):{lines}", "<noun>", "exec"), scope)
        scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
        return scope["__init__"]

    def _repr(self):
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__qualname__}({fields})"

    def _reduce(self):
        return type(self), tuple(getattr(self, name) for name in self.__slots__)

    def _refuse(self, name, value=None):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot change field {name!r}")

    class _Asked:
        """What :mod:`dataclasses` and :mod:`inspect` look for in a class, had from a twin when somebody asks."""

        def __set_name__(self, owner, name):
            self._name = name

        def __get__(self, instance, owner):
            from dataclasses import field, make_dataclass
            from inspect import signature

            fields = []
            for name, kind in owner.__annotations__.items():
                default = owner._defaults.get(name)  # noqa: SLF001  they are this decorator's
                if name not in owner._defaults:  # noqa: SLF001
                    fields.append((name, kind))
                elif default.__hash__ is None:
                    fields.append((name, kind, field(default_factory=lambda default=default: default)))
                else:
                    fields.append((name, kind, field(default=default)))
            twin = make_dataclass(owner.__name__, fields, frozen=True, eq=False)
            value = signature(twin) if self._name == "__signature__" else getattr(twin, self._name)
            setattr(owner, self._name, value)
            return value
