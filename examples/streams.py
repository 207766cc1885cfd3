"""Standard streams: lines come by stdin whenever they come, go to workers, and leave by stdout in their order.

    tail -f access.log | .venv/bin/python examples/streams.py --filter

Without ``--filter`` this program starts itself as one, writes it some lines, and shows that each answer comes before
the next line was even written. With ``weft map FUNCTION``, which reads lines from stdin, it takes no program at all.
"""

import subprocess
import sys

import weft


def answer(line):
    """What to say to a line; bad ones are an error of theirs alone."""
    name, number = line.split()
    return f"{name} {int(number) ** 2}"


def filter_lines():
    """Read, answer, write; what fails is told on stderr and the rest goes on."""
    flow = weft.pipeline(map(str.rstrip, sys.stdin)).map(answer, on="thread", max_workers=4, on_error="keep")
    for said in flow:
        if isinstance(said, weft.Failure):
            print(f"line {said.index + 1}: {said.error}", file=sys.stderr, flush=True)
        else:
            print(said, flush=True)


def converse():
    """Write a line, wait for its answer, write the next."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, __file__, "--filter"], text=True, **pipes) as program:
        for line in ["warp 12", "weft 30", "loom 7"]:
            print(line, file=program.stdin, flush=True)
            print(f"{line} → {program.stdout.readline().rstrip()}")
        rest, complaints = program.communicate("shuttle many\nthread 5\n")
    print(rest.rstrip())
    print("on stderr:", complaints.rstrip())


if "--filter" in sys.argv:
    filter_lines()
else:
    converse()
