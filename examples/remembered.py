"""What "auto" learned of a function is known to the next run: this program twice, with a memory of its own.

The first run looks at the first items, begins with a few threads and finds out that they are at the GIL's end. The
second one knows, and begins where the first one ended. What it remembers it checks: `explain()` says what became of it.
"""

import os
import subprocess
import sys
import tempfile
import time

import weft


def lookup(n):
    """Ask a slow service, and make something of its answer."""
    time.sleep(0.01)
    return sum(k * k % 7 for k in range(20_000 + n))


if "again" in sys.argv:
    began = time.perf_counter()
    run = weft.map(lookup, range(250))
    total = sum(run)
    told = run.explain()
    known = told.to_dict()["remembered"]
    print(f"{time.perf_counter() - began:.2f} s, {told.headline[:100]} …")
    print("   knew nothing" if known is None else f"   knew of {known['runs']} before: {known['checked']}")
    sys.exit()

with tempfile.TemporaryDirectory() as folder:
    surroundings = {**os.environ, "WEFT_CACHE": folder}  # or "off"; ~/.cache/weft if nobody says
    for _ in range(3):
        subprocess.run([sys.executable, __file__, "again"], env=surroundings, check=True)
    print(f"{sum(entry.stat().st_size for entry in os.scandir(folder)):,} bytes were kept, and none of them is yours")
