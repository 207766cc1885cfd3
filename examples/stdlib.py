"""Parse every source file of the standard library, on every processor: the first thing to run.

The files are on every machine that has Python, and nobody made them for us. A loop over them would be

    for path in paths:
        summary = parse(path)

and the changed line is `weft.map(parse, paths)`. There is no main guard at the end, and none is needed.
"""

import ast
import sysconfig
import warnings
from pathlib import Path
from typing import NamedTuple

import weft


class Summary(NamedTuple):
    """What one file holds."""

    lines: int
    functions: int
    classes: int
    deepest: int  # levels of nested syntax
    longest: tuple[int, str]  # lines and name of the longest function


def parse(path):
    """Read a Python file, parse it, walk its syntax tree."""
    warnings.simplefilter("ignore")  # newer Pythons complain about odd escapes in the library's own tests
    source = Path(path).read_bytes()
    functions, classes, deepest, longest = 0, 0, 0, (0, "")
    nodes = [(ast.parse(source, path), 0)]
    while nodes:
        node, depth = nodes.pop()
        deepest = max(deepest, depth)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions += 1
            longest = max(longest, (node.end_lineno - node.lineno + 1, node.name))
        elif isinstance(node, ast.ClassDef):
            classes += 1
        nodes += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return Summary(source.count(b"\n"), functions, classes, deepest, longest)


library = Path(sysconfig.get_path("stdlib"))
paths = sorted(str(path) for path in library.rglob("*.py") if "site-packages" not in path.parts)

run = weft.map(parse, paths, on_error="keep", progress=True)
results = run.results()

failures = [found for found in results if isinstance(found, weft.Failure)]
parsed = {path: found for path, found in zip(paths, results, strict=True) if isinstance(found, Summary)}
deepest, deepest_path = max((found.deepest, path) for path, found in parsed.items())
(length, name), longest_path = max((found.longest, path) for path, found in parsed.items())

print(f"{len(paths):,} files of {library}")
print(f"  lines      {sum(found.lines for found in parsed.values()):>9,}")
print(f"  functions  {sum(found.functions for found in parsed.values()):>9,}")
print(f"  classes    {sum(found.classes for found in parsed.values()):>9,}")
print(f"  longest    {length:>9,} lines: {name}, in {Path(longest_path).relative_to(library)}")
print(f"  deepest    {deepest:>9,} levels, in {Path(deepest_path).relative_to(library)}")
print(f"  not valid  {len(failures):>9,} files")
for failure in failures[:3]:
    reason = f"{type(failure.error).__name__}: {failure.error}".splitlines()[0]
    print(f"    {Path(failure.item).relative_to(library)}: {reason}")
if len(failures) > 3:
    print(f"    and {len(failures) - 3:,} more")
print()
print(run.explain())

assert len(results) == len(paths)
assert len(parsed) + len(failures) == len(paths)
