"""The report of a run: a table in Markdown, and a picture of regrets and of what was predicted against measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from ._figures import FAR_OFF, Measured, Totals, is_far_off, pairs, reason, totals

MEAN_GOAL: Final = 1.08
WORST_GOAL: Final = 1.35
ALARM_GOAL: Final = 0.10
WIDTH: Final = 1040
SIDE: Final = 400  # of the square
LISTED: Final = 12  # cases beside it
LETTERS: Final = 88
RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
ROW: Final = 17
COLOURS: Final = {
    "serial": "#8a95a5",
    "thread": "#2f7fb8",
    "process": "#d9822b",
    "async": "#7a5cd0",
    "other": "#2e9e62",
}
STYLE: Final = """
  text { font: 12px system-ui, sans-serif; fill: #1c2430 } .title { font-size: 17px; font-weight: 600 }
  .quiet { fill: #5b6675 } .card { fill: #fbfcfe; stroke: #d6dce5 } .line { stroke: #cfd6e0 } .goal { stroke: #2e9e62 }
  .dotted { stroke-dasharray: 2 4 } .small, .number { font-size: 10.5px } .halo { paint-order: stroke; stroke: #fbfcfe;
    stroke-width: 3px }
  .good { fill: #2e9e62 } .fair { fill: #d9a22b } .poor { fill: #c8453b } .short { fill: #b8c0cc }
  @media (prefers-color-scheme: dark) { text { fill: #e8edf4 } .quiet { fill: #a3afbf }
    .card { fill: #171c24; stroke: #333c49 } .line { stroke: #38424f } .halo { stroke: #171c24 } }
"""


def report(data: Mapping[str, Any], folder: Path | None = None) -> str:
    """The report in Markdown; with a *folder*, it and the picture are written there."""
    measured = [Measured.of(each) for each in data["workloads"]]
    text = "\n".join(_markdown(data, measured))
    if folder is not None:
        name = f"choose-{data['set']}"
        (folder / f"{name}.md").write_text(f"{text}\n\n![regret, and predicted against measured]({name}.svg)\n")
        (folder / f"{name}.svg").write_text(picture(measured, str(data["machine"]), data.get("cpus", 2)))
    return text


def _markdown(data: Mapping[str, Any], measured: list[Measured]) -> Iterator[str]:
    sums = totals(measured)
    yield f"# auto against the best by hand: {data['set']}"
    yield ""
    warm = "cold workers" if data["cold"] else "warm workers"
    yield f"{data['machine']}; {data['rounds']} interleaved rounds, medians, {warm}; {data['seconds']:.0f} s in all."
    yield ""
    yield from _goals(sums, data["rounds"])
    yield ""
    yield "| workload | nature | loop, ms | best, ms | which | auto, ms | regret | auto chose |"
    yield "| --- | --- | --: | --: | --- | --: | --: | --- |"
    for each in sorted(measured, key=lambda each: (not each.counts, -each.regret)):
        plain = "–" if each.plain is None else f"{each.plain * 1e3:,.0f}"
        regret = f"{each.regret:.2f}" if each.counts else f"({each.regret:.2f})"
        chose = (each.chose[-1] if each.chose else "").replace("|", "\\|")
        yield (
            f"| {each.name} | {each.nature} | {plain} | {each.median(each.best) * 1e3:,.1f} | {each.best} | "
            f"{each.median('auto') * 1e3:,.1f} | {regret} | {chose[:90]} |"
        )
    yield ""
    yield "Regrets in brackets do not count: the best takes less than 50 ms."
    for name, why in data["skipped"].items():
        yield f"Skipped: {name}, {why}."
    for each in measured:
        if each.pure and each.stays:
            yield f"Held back though pure: {each.name}, as {each.stays}."
    yield from _predictions(measured, data.get("cpus", 2))


def _goals(sums: Totals, rounds: int) -> Iterator[str]:
    def word(met: bool) -> str:
        return "met" if met else "MISSED"

    alarms, pure = sums.alarms
    mean = f"geometric mean of {sums.counted} regrets: {sums.mean:.3f} (at most {MEAN_GOAL})"
    yield f"- {mean}: {word(sums.mean <= MEAN_GOAL)}"
    name, worst = sums.worst
    yield f"- worst: {worst:.2f}, {name} (at most {WORST_GOAL}): {word(worst <= WORST_GOAL)}"
    slower = ", ".join(f"{each} {times:.2f} ×" for each, times in sums.slower.items()) or "none"
    yield f"- slower than the plain loop by more than 10 %: {slower}: {word(not sums.slower)}"
    share = alarms / pure if pure else 0.0
    yield f"- pure functions held back from processes: {alarms} of {pure} (under 10 %): {word(share < ALARM_GOAL)}"
    if rounds < 5:
        yield f"- only {rounds} rounds: a first look, not a result"


def _predictions(measured: list[Measured], cpus: int) -> Iterator[str]:
    found = [(each, point) for each in measured for point in pairs(each)]
    yield ""
    if not found:
        yield "explain() predicted nothing in these runs, so there is nothing to set beside what was measured."
        return
    far = [(each, point) for each, point in found if is_far_off(point[1], point[2])]
    yield f"Predicted and measured rates differ by more than 2 × in {len(far)} of {len(found)} cases:"
    yield ""
    for each, (candidate, predicted, rate) in far:
        because = reason(each, candidate, predicted, rate, cpus)
        yield f"- {each.name}, {candidate}: predicted {predicted:,.0f} items a second, measured {rate:,.0f}: {because}"


# ── the picture ───────────────────────────────────────────────────────────────────────────────────────────


def picture(measured: list[Measured], machine: str, cpus: int) -> str:
    """Regrets as bars, and predicted against measured as points, in one SVG."""
    ranked = sorted(measured, key=lambda each: (not each.counts, -each.regret))
    top = 92
    square = top + ROW * len(ranked) + 60
    height = square + SIDE + 120
    parts = [
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="12"/>',
        _text(28, 40, "How many times as long as the best by hand", "title"),
        _text(28, 62, f"Medians; {machine}. Grey: the best takes less than 50 ms. Green line: {WORST_GOAL}.", "quiet"),
        *_bars(ranked, top),
        *_points(measured, square, cpus),
    ]
    body = "\n".join(parts)
    label = "Regret of each workload, and predicted against measured rates"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">\n'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def _bars(ranked: list[Measured], top: int) -> Iterator[str]:
    left, right = 210, WIDTH - 220
    most = max([2.0, *(min(each.regret, 4.0) for each in ranked)])
    scale = (right - left) / most
    goal = left + WORST_GOAL * scale
    bottom = top + ROW * len(ranked)
    for mark in (1.0, *(n / 2 for n in range(3, math.floor(most * 2) + 1))):
        x = left + mark * scale
        yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{bottom}"/>'
        yield _text(x, bottom + 14, f"{mark:g} ×", "quiet", "middle")
    yield f'<line class="goal" x1="{goal:.1f}" x2="{goal:.1f}" y1="{top - 6}" y2="{bottom}"/>'
    for place, each in enumerate(ranked):
        y = top + ROW * place
        kind = _class_of(each)
        width = max(1.5, min(each.regret, most) * scale)
        yield _text(left - 8, y + 11, each.name, "", "end")
        yield f'<rect class="{kind}" x="{left}" y="{y}" width="{width:.1f}" height="{ROW - 4}" rx="2"/>'
        yield _text(left + width + 6, y + 11, f"{each.regret:.2f}  best: {each.best}", "quiet halo")


def _class_of(each: Measured) -> str:
    if not each.counts:
        return "short"
    return "good" if each.regret <= MEAN_GOAL else "fair" if each.regret <= WORST_GOAL else "poor"


def _points(measured: list[Measured], top: int, cpus: int) -> Iterator[str]:
    yield _text(28, top + 8, "Items a second: predicted (up) against measured (across)", "title")
    points = [(each, *point) for each in measured for point in pairs(each)]
    if not points:
        yield _text(28, top + 34, "explain() predicted nothing in these runs.", "quiet")
        return
    yield _text(28, top + 28, "Between the dotted lines: within 2 ×. What is beyond them is numbered.", "quiet")
    rates = [rate for _, _, predicted, got in points for rate in (predicted, got)]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    left, base = 90, top + 46 + SIDE
    scale = SIDE / max(1, high - low)

    def at(rate: float) -> float:
        return (math.log10(rate) - low) * scale

    yield from _grid(low, high, scale, left, base)
    far = 0
    for each, candidate, predicted, got in sorted(points, key=lambda point: -abs(math.log(point[2] / point[3]))):
        colour = COLOURS.get(candidate.partition(" ")[0], COLOURS["other"])
        tip = f"{each.name}, {candidate}: predicted {predicted:,.0f}, measured {got:,.0f} items a second"
        x, y = left + at(got), base - at(predicted)
        if is_far_off(predicted, got):
            far += 1
            because = reason(each, candidate, predicted, got, cpus)
            tip = f"{tip}: {because}"
            yield _text(x + 6, y - 5, str(far), "number halo")
            if far <= LISTED:
                off = f"{predicted / got:.1f} × too high" if predicted > got else f"{got / predicted:.1f} × too low"
                said = f"{far}  {each.name}, {candidate}: {off}"
                yield _listed(said, because, left + SIDE + 44, top + 34 * far)
        dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.8">'
        yield f"{dot}<title>{escape(tip)}</title></circle>"
    if far > LISTED:
        yield _text(
            left + SIDE + 44, top + 34 * (LISTED + 1), f"and {far - LISTED} more, in the table's words", "quiet"
        )
    kinds = dict.fromkeys(candidate.partition(" ")[0] for _, candidate, _, _ in points)
    for place, kind in enumerate(kinds):
        x = left + 8 + 84 * place
        yield f'<circle cx="{x}" cy="{base + 44}" r="5" fill="{COLOURS.get(kind, COLOURS["other"])}"/>'
        yield _text(x + 10, base + 48, kind)


def _grid(low: int, high: int, scale: float, left: float, base: float) -> Iterator[str]:
    """Powers of ten, where both are the same, and where one is twice the other."""
    for power in range(low, high + 1):
        step = (power - low) * scale
        yield f'<line class="line" x1="{left}" x2="{left + SIDE}" y1="{base - step:.1f}" y2="{base - step:.1f}"/>'
        yield f'<line class="line" x1="{left + step:.1f}" x2="{left + step:.1f}" y1="{base}" y2="{base - SIDE}"/>'
        said = f"10{str(power).translate(RAISED)}"
        yield _text(left - 8, base - step + 4, said, "quiet", "end")
        yield _text(left + step, base + 18, said, "quiet", "middle")
    yield f'<line class="goal" x1="{left}" x2="{left + SIDE}" y1="{base}" y2="{base - SIDE}"/>'
    off = math.log10(FAR_OFF) * scale
    for x, y in ((off, 0.0), (0.0, off)):
        ends = f'x1="{left + x:.1f}" y1="{base - y:.1f}" x2="{left + SIDE - y:.1f}" y2="{base - SIDE + x:.1f}"'
        yield f'<line class="goal dotted" {ends}/>'


def _listed(said: str, because: str, x: float, y: float) -> str:
    """A line for what was far off, and under it the beginning of why."""
    short = because if len(because) <= LETTERS else because[:LETTERS].rsplit(" ", 1)[0] + " …"
    tip = f"<title>{escape(because)}</title>"
    return f"<g>{tip}{_text(x, y, said)}{_text(x + 14, y + 14, short, 'quiet small')}</g>"


def _text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'
