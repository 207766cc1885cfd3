"""The picture of a round trip, as SVG: two lanes against time, and round trips of less and of more beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil
from typing import Final, NamedTuple

WIDTH: Final = 880
LEFT, RIGHT = 96, 848  # where time begins and ends
KINDS: Final = {  # what a kind of step is called, and its colour by day and by night
    "wake-up": ("wake-ups", "#b8c0cc", "#8d98a9"),
    "syscall": ("system calls", "#d9822b", "#f0a455"),
    "pickle": ("pickle", "#7a5cd0", "#a68cf5"),
    "loop": ("frames", "#2f7fb8", "#64b0e4"),
    "call": ("the call", "#2e9e62", "#5ccb8f"),
}
LANES: Final = {"caller": 118, "worker": 208}  # where each begins, from the top
LANE: Final = 44  # its height
BARS: Final = 408  # where the bars begin
STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1c2430 }
  .title { font-size: 18px; font-weight: 600 }
  .quiet { fill: #5b6675; font-size: 12px }
  .card { fill: #fbfcfe; stroke: #d6dce5 }
  .lane { fill: #eef1f6 }
  .line { stroke: #cfd6e0; stroke-width: 1 }
  .hop { stroke: #8a95a5; stroke-width: 1.5; fill: none }
  .cut { stroke: #fbfcfe; stroke-width: 3 }
  .bar { fill: #2f7fb8 }
  .on { fill: #10151c }
"""
NIGHT: Final = """
    text { fill: #e8edf4 }
    .quiet { fill: #a3afbf }
    .card { fill: #171c24; stroke: #333c49 }
    .lane { fill: #222a35 }
    .line { stroke: #38424f }
    .hop { stroke: #8491a3 }
    .cut { stroke: #171c24 }
    .bar { fill: #64b0e4 }
    .on { fill: #10151c }
"""


class Step(NamedTuple):
    """Something that takes time: in which lane, of which kind, in a few words, how many µs."""

    lane: str
    kind: str
    what: str
    took: float


def draw(steps: Sequence[Step], trips: Mapping[str, float], machine: str) -> str:
    """The whole picture."""
    total = sum(step.took for step in steps)
    scale = (RIGHT - LEFT) / total
    parts = [
        text(32, 44, "One item to a worker process and back", "title"),
        text(32, 68, f"A worker written by hand: {total:.0f} µs from the item to its result. {machine}.", "quiet"),
        *axis(total, scale),
        *lanes(steps, scale),
        *legend(steps),
        *bars(trips),
    ]
    height = BARS + 18 + 30 * len(trips)
    card = f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="12"/>'
    body = "\n".join([card, *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Where the microseconds of a round trip to a worker process go">\n'
        f"<style>{STYLE}{day()}  @media (prefers-color-scheme: dark) {{{NIGHT}{night()}  }}\n</style>\n{body}\n</svg>\n"
    )


def day() -> str:
    return "".join(f"  .{kind} {{ fill: {light} }}\n" for kind, (_, light, _) in KINDS.items())


def night() -> str:
    return "".join(f"    .{kind} {{ fill: {dark} }}\n" for kind, (_, _, dark) in KINDS.items())


# ── the round trip ────────────────────────────────────────────────────────────────────────────────────────


def axis(total: float, scale: float) -> Iterable[str]:
    """Ticks, some ten of them."""
    bottom = LANES["worker"] + LANE + 8
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if total / step <= 12)
    for at in range(0, ceil(total), every):
        x = LEFT + at * scale
        yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{LANES["caller"] - 8}" y2="{bottom}"/>'
        yield text(x, bottom + 16, f"{at} µs" if at == 0 else str(at), "quiet", "middle")


def lanes(steps: Sequence[Step], scale: float) -> Iterable[str]:
    """Both lanes, what is done in each, and how it goes from one to the other."""
    for lane, top in LANES.items():
        yield text(32, top + LANE / 2 + 5, lane)
        yield f'<rect class="lane" x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{LANE}" rx="6"/>'
    now, lane = 0.0, steps[0].lane
    for step in steps:
        x, width, top = LEFT + now * scale, step.took * scale, LANES[step.lane]
        if step.lane != lane:
            yield hop(x, lane, step.lane)
        inner = max(width - 0.8, 0.6)  # a little air, so that neighbours of one colour are two
        tip = f"<title>{escape(step.what)}: {step.took:.2f} µs</title>"
        yield f'<rect class="{step.kind}" x="{x:.1f}" y="{top}" width="{inner:.1f}" height="{LANE}" rx="2">{tip}</rect>'
        label = f"{step.what} {step.took:.1f}" if width > 90 else step.what
        if width > 8 * len(label):
            yield text(x + width / 2, top + LANE / 2 + 5, label, "on", "middle")
        now, lane = now + step.took, step.lane


def hop(x: float, above: str, below: str) -> str:
    """The line by which a message goes from lane to lane."""
    start, end = LANES[above], LANES[below]
    start, end = (start + LANE, end) if start < end else (start, end + LANE)
    return f'<path class="hop" d="M{x:.1f} {start} V{end}"/>'


def legend(steps: Sequence[Step]) -> Iterable[str]:
    """What the colours are, and what each comes to."""
    for place, (kind, (name, _, _)) in enumerate(KINDS.items()):
        took = sum(step.took for step in steps if step.kind == kind)
        x, y = 32 + 168 * place, 318
        yield f'<rect class="{kind}" x="{x}" y="{y - 11}" width="14" height="14" rx="3"/>'
        yield text(x + 21, y, f"{name}  {took:.1f} µs")


# ── beside it ─────────────────────────────────────────────────────────────────────────────────────────────


def bars(trips: Mapping[str, float]) -> Iterable[str]:
    """One bar for each kind of round trip; one that leaves the picture is cut off and says so."""
    yield text(32, BARS - 18, "Round trips of less and of more", "title")
    longest = sorted(trips.values())[-2] if len(trips) > 1 else max(trips.values())
    for place, (name, took) in enumerate(trips.items()):
        y, cut = BARS + 30 * place, took > longest * 1.5
        width = max(2.0, min(took / longest, 1.0) * (RIGHT - 64 - 290))
        yield text(32, y + 15, name)
        yield f'<rect class="bar" x="290" y="{y}" width="{width:.1f}" height="20" rx="3"/>'
        if cut:  # two strokes across it
            at = 290 + width - 40
            yield "".join(f'<path class="cut" d="M{at + more} {y + 22} l8 -24"/>' for more in (0, 8))
        yield text(290 + width + 8, y + 15, f"{took:,.0f} µs", "quiet")


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
