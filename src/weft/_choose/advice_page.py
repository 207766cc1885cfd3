"""The page that :meth:`Advice.plot` writes: rate against number of workers, a line a kind, its knee marked."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import log2, log10

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .advice import Advice, Trial

WIDTH: Final = 860
HEIGHT: Final = 440
LEFT, RIGHT, TOP, BOTTOM = 84, 700, 24, 380  # where the picture's field is
COLOURS: Final = {  # by day, by night
    "serial": ("#5b6675", "#a3afbf"),
    "thread": ("#1f77b4", "#64b0e4"),
    "process": ("#c96a12", "#f0a455"),
    "async": ("#6a48c8", "#a68cf5"),
}
STYLE: Final = """
  :root { color-scheme: light dark; --ink: #1c2430; --quiet: #5b6675; --page: #f5f7fa; --card: #fff; --line: #dde3ea }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8edf4; --quiet: #a3afbf; --page: #10141a; --card: #171c24; --line: #333c49 }
  }
  body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0;
         padding: 2rem 1rem }
  main { max-width: 920px; margin: auto }
  h1 { font-size: 1.35rem; margin: 0 0 .25rem } h1 + p { margin: 0 0 1.25rem; color: var(--quiet) }
  .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem; margin: 0 0 1rem;
          overflow-x: auto }
  svg { display: block; width: 100%; min-width: 560px; height: auto }
  svg text { font: 13px system-ui, sans-serif; fill: var(--ink) }
  svg .quiet { fill: var(--quiet) } svg .grid { stroke: var(--line) }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line) }
  th { color: var(--quiet); font-weight: 500 } th:first-child, td:first-child { text-align: left }
  tr.best td { font-weight: 600 } tr:last-child td { border-bottom: 0 }
  pre { margin: 0; font: 14px ui-monospace, monospace; white-space: pre-wrap }
  ul { margin: .5rem 0 0; padding-left: 1.2rem }
"""


def page(advice: Advice) -> str:
    """The page, whole."""
    title = f"weft.advise: {advice.name}"
    computes = f"An item takes {_duration(advice.cost)} in a plain loop and computes {advice.share:.0%} of it."
    notes = [f"{kind} was not tried: {why}" for kind, why in advice.left_out.items()]
    if advice.changes:
        notes.append(f"{advice.changes}: the calls that were made for this have done that too")
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{_colours()}</style>
<main>
<h1>{escape(advice.headline)}</h1>
<p>{escape(advice.name)}: {escape(computes)}</p>
<div class="card">{picture(advice)}</div>
<div class="card"><table>{"".join(_rows(advice))}</table>{f"<ul>{listed}</ul>" if listed else ""}</div>
<div class="card"><pre>{escape(advice.call)}</pre></div>
</main>
</html>
"""


def picture(advice: Advice) -> str:
    """The rates, both axes by factors."""
    most = max(trial.workers for trial in advice.trials)
    rates = [trial.rate for trial in advice.trials if 0 < trial.rate < float("inf")]
    field = _Field(most, min(rates, default=1.0), max(rates, default=1.0))
    label = escape(f"Items a second of {advice.name} against the number of workers")
    body = "\n".join([*field.grid(), *_lines(advice, field)])
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">\n{body}\n</svg>'


class _Field:
    """Where a number of workers and a rate are in the picture."""

    def __init__(self, most: int, least_rate: float, most_rate: float) -> None:
        self._width = max(1.0, log2(most))
        self._marks = _marks(least_rate, most_rate)
        self._low, self._high = log10(self._marks[0]), log10(self._marks[-1])

    def at(self, workers: float, rate: float) -> tuple[float, float]:
        """Across and down."""
        x = LEFT + log2(max(1, workers)) / self._width * (RIGHT - LEFT)
        share = (log10(max(rate, 1e-9)) - self._low) / (self._high - self._low)
        return x, BOTTOM - min(1.0, max(0.0, share)) * (BOTTOM - TOP)

    def grid(self) -> Iterator[str]:
        """Lines behind it all, and what they stand for."""
        for mark in self._marks:
            _, y = self.at(1, mark)
            yield f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text class="quiet" x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{_short(mark)}</text>'
        for power in range(int(self._width) + 1):
            x, _ = self.at(2**power, 1)
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}"/>'
            yield f'<text class="quiet" x="{x:.1f}" y="{BOTTOM + 20}" text-anchor="middle">{2**power}</text>'
        middle = (LEFT + RIGHT) / 2
        yield f'<text class="quiet" x="{middle}" y="{BOTTOM + 44}" text-anchor="middle">workers</text>'
        down = (TOP + BOTTOM) / 2
        turned = f'transform="rotate(-90 18 {down})"'
        yield f'<text class="quiet" x="18" y="{down}" text-anchor="middle" {turned}>items a second</text>'


def _lines(advice: Advice, field: _Field) -> Iterator[str]:
    _, level = field.at(1, advice.plain.rate)
    plain = advice.plain.kind
    yield f'<line class="{plain} dashed" x1="{LEFT}" x2="{RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>'
    ends: list[tuple[float, str, str]] = [(level, plain, "plain loop")]
    for kind, at_knee in advice.knees.items():
        trials = sorted((trial for trial in advice.trials if trial.kind == kind), key=lambda trial: trial.workers)
        points = [field.at(trial.workers, trial.rate) for trial in trials]
        if len(points) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline class="{kind}" points="{path}"/>'
        for trial, (x, y) in zip(trials, points, strict=True):
            yield f'<circle class="{kind} dot" cx="{x:.1f}" cy="{y:.1f}" r="4">{_tip(trial)}</circle>'
            if trial is at_knee and (len(trials) > 1 or trial is advice.best):
                yield f'<circle class="{kind} ring" cx="{x:.1f}" cy="{y:.1f}" r="10">{_tip(trial)}</circle>'
                down = y - 16 if y > TOP + 30 else y + 26
                anchor = "start" if x < LEFT + 40 else "end" if x > RIGHT - 40 else "middle"
                yield f'<text x="{x:.1f}" y="{down:.1f}" text-anchor="{anchor}">knee: {trial.workers}</text>'
        if kind != plain:
            ends.append((points[-1][1], kind, kind))
    yield from _names(ends)


def _names(ends: list[tuple[float, str, str]]) -> Iterator[str]:
    """The lines' names at the right, each with a key; none upon another."""
    above = 0.0
    for y, kind, name in sorted(ends):
        y = max(y, above + 20)
        above = y
        yield f'<line class="{kind}" x1="{RIGHT + 14}" x2="{RIGHT + 34}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{RIGHT + 42}" y="{y + 4:.1f}">{name}</text>'


def _rows(advice: Advice) -> Iterator[str]:
    heads = ("kind", "workers", "items a second", "times a plain loop", "expected", "")
    yield f"<tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
    knees = advice.knees
    for trial in advice.trials:
        times = f"{trial.rate / advice.plain.rate:.2f}"
        mark = "knee" if trial is knees[trial.kind] and trial.workers > 1 else ""
        mark = "recommended" if trial is advice.best else mark
        mark += f" {trial.failed} of {trial.items} failed" if trial.failed else ""
        cells = (trial.kind, str(trial.workers), _short(trial.rate), times, _short(trial.expected), mark)
        best = ' class="best"' if trial is advice.best else ""
        yield f"<tr{best}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _tip(trial: Trial) -> str:
    return f"<title>{escape(trial.said)}: {_short(trial.rate)} items a second</title>"


def _marks(least: float, most: float) -> list[float]:
    """Round numbers that take in both: 1, 2 and 5 times a power of ten."""
    from math import floor

    every = [
        step * 10.0**power for power in range(floor(log10(least)) - 1, floor(log10(most)) + 2) for step in (1, 2, 5)
    ]
    start = max(at for at, mark in enumerate(every) if mark <= least)
    end = min(at for at, mark in enumerate(every) if mark >= most)
    return every[start : max(end, start + 1) + 1]


def _short(value: float) -> str:
    if value == float("inf"):
        return "any"
    for size, unit in ((1e6, " M"), (1e4, " k")):
        if value >= size:
            return f"{value / (size if size == 1e6 else 1e3):.3g}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def _colours() -> str:
    rules = "  svg polyline, svg .ring { fill: none; stroke-width: 2.5 } svg line { stroke-width: 1 }\n"
    rules += "  svg .ring { stroke-width: 2 } svg .dashed { stroke-dasharray: 5 5; stroke-width: 2 }\n"
    for at, around in ((0, "{}"), (1, "@media (prefers-color-scheme: dark) {{ {} }}")):
        inner = " ".join(
            f"svg .{kind} {{ stroke: {both[at]} }} svg .{kind}.dot {{ fill: {both[at]}; stroke: none }}"
            for kind, both in COLOURS.items()
        )
        rules += "  " + around.format(inner) + "\n"
    return rules + "  svg line:not(.grid):not(.dashed) { stroke-width: 2.5 }\n"
