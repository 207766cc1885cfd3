"""A notebook: functions typed into cells, a kernel with an event loop of its own, a bar in the output."""

from __future__ import annotations

import json
import subprocess
import sys

CELLS = [
    "import asyncio, os, time, weft\nfactor = 3",
    (
        "def triple(n):\n    return n * factor, os.getpid()\n\n"
        "rows = weft.map(triple, range(5), on='process').results()\n"
        "assert [value for value, _ in rows] == [0, 3, 6, 9, 12] and os.getpid() not in {pid for _, pid in rows}"
    ),
    (
        "async def later(n):\n    await asyncio.sleep(0.01)\n    return n * factor\n\n"
        "assert weft.map(later, range(5)).results() == [0, 3, 6, 9, 12]"
    ),
    "assert [value async for value in weft.map(later, range(5))] == [0, 3, 6, 9, 12]",
    (
        "class Point:\n    def __init__(self, x): self.x = x\n\n"
        "back = weft.map(lambda p: Point(p.x + 1), [Point(1)], on='process').results()\n"
        "assert isinstance(back[0], Point) and back[0].x == 2"
    ),
    "run = weft.map(time.sleep, [0.3] * 8, on='thread', max_workers=2)\nrun.results()\nrun",
]

# The client runs in a process of its own: it keeps an event loop open for good.
CLIENT = """
import json, sys, nbclient, nbformat
cells = [nbformat.v4.new_code_cell(cell) for cell in json.load(sys.stdin)]
notebook = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
print(json.dumps(notebook.cells[-1].outputs))
"""


def test_a_notebook_needs_to_know_nothing():
    """Cells run as they are typed, on processes and coroutines too; a run that lasts shows a bar and is a table."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT],
        input=json.dumps(CELLS),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout.splitlines()[-1])
    bars = [output["data"]["text/html"] for output in outputs if output["output_type"] == "display_data"]
    assert len(bars) == 1, outputs
    assert "8/8" in bars[0]
    assert "<table>" in outputs[-1]["data"]["text/html"]
