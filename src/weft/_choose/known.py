"""What is known of types and functions whose code can't be read, because it is written in C or is a library's."""

from __future__ import annotations

import os
import sys
from types import (
    BuiltinFunctionType,
    CodeType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# ── values ────────────────────────────────────────────────────────────────────────────────────────────────

CONSTANTS: Final = (
    bool, int, float, complex, str, bytes, range, slice, type(None), type(Ellipsis), type(NotImplemented), CodeType,
    BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, GetSetDescriptorType, MemberDescriptorType,
)  # fmt: skip
CONSTANT_MODULES: Final = {
    "datetime", "decimal", "enum", "fractions", "ipaddress", "pathlib", "re", "typing", "uuid", "zoneinfo", "_struct",
}  # fmt: skip

# Of library classes: what their methods change reaches the caller anyway, or nobody misses it.
HARMLESS: Final = {
    "logging.Logger", "logging.RootLogger", "logging.LoggerAdapter", "string.Template",
    "weft._patterns.channel.Channel", "weft._patterns.pipe.PipeEnd",
}  # fmt: skip
COUNTING: Final = "_lru_cache_wrapper"  # functools': what it remembers changes no result

# What can't be sent, whatever pickle says (cloudpickle sends an open file as its content).
UNSENDABLE: Final[dict[str, str]] = {
    "_io.TextIOWrapper": "an open file",
    "_io.BufferedReader": "an open file",
    "_io.BufferedWriter": "an open file",
    "_io.BufferedRandom": "an open file",
    "_io.FileIO": "an open file",
    "_io.BufferedRWPair": "an open file",
    "tempfile._TemporaryFileWrapper": "an open file",
    "builtins.generator": "a generator",
    "builtins.async_generator": "a generator",
    "builtins.coroutine": "a coroutine",
    "_thread.lock": "a lock",
    "_thread.RLock": "a lock",
    "threading.Condition": "a lock",
    "threading.Semaphore": "a lock",
    "threading.BoundedSemaphore": "a lock",
    "threading.Event": "an event of threads",
    "threading.Barrier": "a barrier of threads",
    "_thread._local": "data that each thread has its own of",
    "threading.Thread": "a thread",
    "queue.Queue": "a queue of threads",
    "queue.LifoQueue": "a queue of threads",
    "queue.PriorityQueue": "a queue of threads",
    "_queue.SimpleQueue": "a queue of threads",
    "asyncio.locks.Lock": "a lock",
    "asyncio.queues.Queue": "a queue of coroutines",
    "socket.socket": "a socket",
    "ssl.SSLSocket": "a socket",
    "select.epoll": "an open descriptor",
    "mmap.mmap": "a mapped file",
    "sqlite3.Connection": "a database connection",
    "sqlite3.Cursor": "a database connection",
    "subprocess.Popen": "a process",
    "zipfile.ZipFile": "an open file",
    "tarfile.TarFile": "an open file",
    "concurrent.futures.thread.ThreadPoolExecutor": "an executor",
    "concurrent.futures.process.ProcessPoolExecutor": "an executor",
}

# ── methods ───────────────────────────────────────────────────────────────────────────────────────────────

# Types written in C that hold data: a method of theirs changes it if it has one of these names, else not.
CONTAINERS: Final = {
    "builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray", "builtins.memoryview",
    "collections.deque", "collections.OrderedDict", "collections.defaultdict", "collections.Counter",
    "collections.UserDict", "collections.UserList", "collections.ChainMap",
    "array.array", "numpy.ndarray", "builtins.mappingproxy", "builtins.dict_keys", "builtins.dict_values",
    "builtins.dict_items", "types.SimpleNamespace", "argparse.Namespace", "_io.StringIO", "_io.BytesIO",
}  # fmt: skip
CONTAINER_PACKAGES: Final = {
    "PIL", "jinja2", "lightgbm", "numpy", "pandas", "polars", "pyarrow", "scipy", "shapely", "sklearn", "xgboost",
}  # fmt: skip
# The same for objects of these packages alone, where the names mean that and elsewhere other things.
PACKAGE_MUTATORS: Final = {
    "close", "fit", "fit_predict", "fit_transform", "load", "partial_fit", "paste", "putalpha", "putdata", "putpalette",
    "putpixel", "set_params", "thumbnail",
}  # fmt: skip
MUTATORS: Final = {
    "add", "append", "appendleft", "byteswap", "clear", "difference_update", "discard",
    "extend", "extendleft", "fill", "fromfile", "frombytes", "fromlist", "insert", "intersection_update", "itemset",
    "move_to_end", "partition", "pop", "popitem", "popleft", "popright", "put", "put_nowait", "release", "remove",
    "resize", "reverse", "rotate", "set", "setdefault", "setfield", "setflags", "setlocal", "sort", "subtract",
    "symmetric_difference_update", "truncate", "update", "write", "writelines", "writerow", "writerows", "seek", "send",
    "sendall", "commit", "execute", "executemany", "acquire", "increment", "push", "enqueue", "read", "readline",
    "readlines", "readinto", "__setitem__", "__delitem__", "__setattr__", "__delattr__", "__iadd__", "__ior__",
    "__iand__", "__isub__", "__imul__", "__next__", "__setstate__", "register",
}  # fmt: skip
# Of those and of the functions below: what is done at once under the GIL, whoever else does it too.
AT_ONCE: Final = {
    "add", "append", "appendleft", "discard", "extend", "extendleft", "insert", "put", "put_nowait", "setdefault",
    "update", "write", "writelines", "writerow", "writerows", "__setitem__", "_operator.setitem", "_heapq.heappush",
    "_bisect.insort_left", "_bisect.insort_right", "_bisect.insort", "json.dump", "pickle.dump", "_pickle.dump",
}  # fmt: skip
# What these give is a part of the object, or a view of it; anything else is a new object, though with the same parts.
VIEWS: Final = {
    "get", "pop", "popitem", "popleft", "setdefault", "items", "keys", "values", "view", "reshape", "ravel", "squeeze",
    "transpose", "swapaxes", "diagonal", "__getitem__", "__iter__", "__enter__", "__next__", "T", "iterrows",
    "getbuffer",
}  # fmt: skip

# ── functions ─────────────────────────────────────────────────────────────────────────────────────────────

# Which of its arguments a function changes, by position.
CHANGES_ARGUMENT: Final[dict[str, int]] = {
    "builtins.setattr": 0, "builtins.delattr": 0, "builtins.next": 0, "builtins.anext": 0,
    "_operator.setitem": 0, "_operator.delitem": 0, "_operator.iadd": 0, "_operator.iconcat": 0, "_operator.ior": 0,
    "_operator.iand": 0, "_operator.isub": 0, "_operator.imul": 0, "_operator.ixor": 0,
    "_heapq.heappush": 0, "_heapq.heappop": 0, "_heapq.heapify": 0, "_heapq.heapreplace": 0, "_heapq.heappushpop": 0,
    "_bisect.insort_left": 0, "_bisect.insort_right": 0, "_bisect.insort": 0, "_struct.pack_into": 1,
    "random.shuffle": 0, "numpy.copyto": 0, "numpy.put": 0, "numpy.place": 0, "numpy.putmask": 0,
    "numpy.fill_diagonal": 0, "numpy.put_along_axis": 0, "numpy.random.shuffle": 0, "functools.update_wrapper": 0,
    "shutil.copyfileobj": 1, "json.dump": 1, "pickle.dump": 1, "_pickle.dump": 1,
}  # fmt: skip

# These change something of the whole process.
CHANGES_PROCESS: Final[dict[str, str]] = {
    "posix.chdir": "the working directory", "posix.fchdir": "the working directory", "posix.putenv": "the environment",
    "posix.unsetenv": "the environment", "posix.umask": "the umask", "posix.nice": "the priority",
    "posix.setuid": "the user", "posix.setgid": "the group", "locale.setlocale": "the locale",
    "_locale.setlocale": "the locale", "signal.signal": "a signal's handler", "signal.setitimer": "a timer",
    "atexit.register": "what happens at exit", "sys.setrecursionlimit": "the recursion limit",
    "sys.settrace": "tracing", "sys.setprofile": "profiling", "gc.disable": "the garbage collector",
    "gc.enable": "the garbage collector", "gc.set_threshold": "the garbage collector",
    "socket.setdefaulttimeout": "the default timeout of sockets",
    "_socket.setdefaulttimeout": "the default timeout of sockets",
    "random.seed": "the state of random numbers", "numpy.random.seed": "the state of random numbers",
    "random.setstate": "the state of random numbers", "importlib.reload": "a module",
    "decimal.setcontext": "the decimal context", "_decimal.setcontext": "the decimal context",
    "resource.setrlimit": "the limits of the process", "time.tzset": "the time zone",
}  # fmt: skip
OPAQUE: Final = {"builtins.exec", "builtins.eval"}  # they may do anything

# The result is the argument itself, or a part or a view of it.
PASSES_ON: Final = {
    "builtins.next", "builtins.max", "builtins.min", "builtins.getattr", "builtins.memoryview",
    "builtins.vars", "numpy.asarray", "numpy.asanyarray", "numpy.ascontiguousarray", "numpy.ravel", "numpy.reshape",
    "numpy.squeeze", "numpy.transpose", "numpy.atleast_1d", "numpy.atleast_2d", "numpy.swapaxes", "random.choice",
    "functools.reduce", "typing.cast",
}  # fmt: skip
COPIES_DEEPLY: Final = {"copy.deepcopy", "json.loads", "json.dumps", "pickle.loads", "pickle.dumps", "_pickle.loads"}


def name_of_type(value: object) -> str:
    """The type's full name."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def name_of_function(fn: Any) -> str:
    """The function's full name, as the tables have it."""
    module = getattr(fn, "__module__", None)
    owner = getattr(fn, "__self__", None)
    if module is None and isinstance(owner, ModuleType):
        module = owner.__name__
    elif owner is not None and not isinstance(owner, ModuleType) and is_hidden_random(owner):
        module = "random"
    return f"{module}.{getattr(fn, '__name__', '')}"


def is_hidden_random(owner: object) -> bool:
    """Whether it is the object behind the functions of :mod:`random`, or of ``numpy.random``."""
    at_home = getattr(sys.modules.get("random"), "_inst", None)
    return owner is at_home if at_home is not None and owner is at_home else _is_numpys(owner)


def _is_numpys(owner: object) -> bool:
    numpys = sys.modules.get("numpy.random.mtrand")
    return numpys is not None and owner is getattr(numpys, "_rand", None)


def is_constant(value: object) -> bool:
    """Whether nothing can change the value."""
    if isinstance(value, tuple | frozenset):
        return len(value) <= 100 and all(map(is_constant, value))
    if isinstance(value, CONSTANTS):
        owner = getattr(value, "__self__", None)
        return owner is None or isinstance(owner, ModuleType) or is_constant(owner)
    return type(value).__module__.partition(".")[0] in CONSTANT_MODULES and not isinstance(value, ModuleType | type)


def unsendable(value: object) -> str | None:
    """What it is, if it is something that no other process can have."""
    if value in _streams():
        return None  # what workers print reaches the parent
    for kind in type(value).__mro__:
        said = UNSENDABLE.get(f"{kind.__module__}.{kind.__qualname__}")
        if said is not None:
            return said
    return None


class _Same(list[object]):
    """A list that knows its members by identity."""

    def __contains__(self, value: object) -> bool:
        return any(value is known for known in self)


def _streams() -> _Same:
    streams = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    return _Same([*streams, *(getattr(stream, "buffer", None) for stream in streams if stream is not None)])


def is_stream(value: object) -> bool:
    """Whether it is where this process prints to."""
    return value is not None and value in _streams()


# ── whose code it is ──────────────────────────────────────────────────────────────────────────────────────

_LIBRARY: Final = os.path.dirname(os.__file__)  # noqa: PTH120  a string, without importing pathlib
_WEFT: Final = __file__.rpartition("_choose")[0]
_INSTALLED: Final = ("site-packages", "dist-packages")


def is_standard(module: str | None) -> bool:
    """Whether the module of that name is the standard library's."""
    return (module or "").partition(".")[0] in sys.stdlib_module_names


def is_library(code: CodeType, own: str) -> bool:
    """Whether the code is a library's, and not of the top-level package *own* that the user's function is in."""
    filename = code.co_filename
    if filename.startswith(("<frozen", _WEFT)):
        return True
    if any(place in filename for place in _INSTALLED):
        return not own or f"/{own}/" not in filename.replace("\\", "/")
    return filename.startswith(_LIBRARY + "/") and not any(place in filename for place in _INSTALLED)


def is_users(module: str | None, own: str) -> bool:
    """Whether a module of that name is the user's own."""
    top = (module or "").partition(".")[0]
    if top in {own, "__main__"}:
        return True
    if is_standard(module) or top == "weft":
        return False
    loaded = sys.modules.get(top)
    place = getattr(loaded, "__file__", None) or ""
    return loaded is not None and not any(part in place for part in _INSTALLED)


def is_class_of_users(kind: type, own: str) -> bool:
    """Whether the class is the user's own."""
    return is_users(kind.__module__, own)
