"""Draws what ran when: the spans of a run, a row for each worker, a bar for each chunk, as SVG without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from math import floor, log10
from typing import Final

from weft.abc import Advanced, Decided, Ended, Event, Span, Started

WIDTH: Final = 880
LEFT, RIGHT = 168, 848  # where time begins and ends
TOP: Final = 78  # under the title
ROW, THIN = 24, 5  # pixels for a worker, and for one of very many
MANY: Final = 12  # more workers of a group than these are drawn thin, with one name for all
MOST: Final = 60  # of more than these only every second is drawn, or third, and so on
LETTER: Final = 6.6  # pixels

KINDS: Final = {"the caller": "serial", "process": "process", "thread": "thread", "coroutine": "async"}
COLOURS: Final = {  # by day, by night
    "serial": ("#7b8797", "#a3afbf"),
    "thread": ("#4a94cc", "#64b0e4"),
    "process": ("#dd8a3a", "#f0a455"),
    "async": ("#8f74dd", "#a68cf5"),
    "futures": ("#3aa873", "#5ccb8f"),
}
STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1c2430 }
  .title { font-size: 17px; font-weight: 600 }
  .head { font-weight: 600 }
  .quiet { fill: #5b6675; font-size: 12px }
  .on { fill: #10151c; font-size: 11px }
  .card { fill: #fbfcfe; stroke: #d6dce5 }
  .lane { fill: #eef1f6 }
  .grid { stroke: #d6dce5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8edf4 }
    .quiet { fill: #a3afbf }
    .on { fill: #10151c }
    .card { fill: #171c24; stroke: #333c49 }
    .lane { fill: #222a35 }
    .grid { stroke: #38424f }
  }
"""


@dataclass
class Record:
    """An observer that keeps what there is to draw of one run."""

    name: str = ""
    seconds: float = 0.0
    kind: str = ""
    spans: list[Span] = field(default_factory=list)

    def __call__(self, event: Event, /) -> None:
        """Take note of the event."""
        match event:
            case Started(name=name):
                self.name = name
            case Decided(plan=plan):
                self.kind = plan.kind
            case Advanced(spans=spans):
                self.spans += spans
            case Ended(stats=stats):
                self.seconds = stats.seconds


@dataclass
class Row:
    """A worker, and what it did."""

    kind: str
    name: str
    spans: list[Span]


@dataclass
class Group:
    """The workers of a stage of one kind, in the order in which they began."""

    stage: str
    kind: str
    rows: list[Row]

    @property
    def drawn(self) -> list[Row]:
        """The rows that are drawn, evenly chosen."""
        return self.rows[:: self.every]

    @property
    def every(self) -> int:
        """Which of them: all, every second, every third …"""
        return -(-len(self.rows) // MOST)

    @property
    def thin(self) -> bool:
        """Whether there are too many for a name each."""
        return len(self.rows) > MANY

    @property
    def height(self) -> float:
        """In pixels."""
        return len(self.drawn) * (THIN if self.thin else ROW)


def drawn(title: str, runs: Sequence[tuple[str, Record]], source: str) -> str:
    """The picture of one run, or of several under each other, each with what it is called, on one scale of time."""
    seconds = max((max(run.seconds, *ends(run)) for _, run in runs), default=0.0) or 1.0
    body: list[str] = []
    down = float(TOP)
    for heading, run in runs:
        if heading:
            body.append(_text(32, down + 4, heading, "head"))
            down += 18
        top = down
        lanes: list[str] = []
        bars: list[str] = []
        stage = ""
        for group in groups(run):
            if group.stage != stage:
                stage = group.stage
                lanes.append(_text(32, down + 14, group.stage, "head"))
                down += 22
            lanes += _lanes(group, down)
            bars += _bars(group, down, seconds)
            down += group.height + 8
        body += [*lanes, *_grid(top, down, seconds), *bars]
        down += 16
    body += _axis(down - 8, seconds)
    height = down + 40
    label = escape(f"{title}: which worker had which items, from when to when")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}">\n'
        f"<style>{STYLE}{_colours()}</style>\n"
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="12"/>\n'
        f"{_text(32, 36, title, 'title')}\n{_text(32, 57, source, 'quiet')}\n" + "\n".join(body) + "\n</svg>\n"
    )


def groups(run: Record) -> list[Group]:
    """Who worked, in groups of one stage and kind; the first to begin first."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    numbers: dict[str, dict[str, int]] = {}  # of a kind's workers: whoever is in two stages has the same in both
    stages = list(dict.fromkeys(span.stage for span in run.spans))
    spans = sorted(run.spans, key=lambda span: span.began)
    stages.sort(key=lambda stage: next(span.began for span in spans if span.stage == stage))
    for span in spans:
        kind, word = kind_of(span.worker)
        rows = found.setdefault((span.stage, kind), {})
        known = numbers.setdefault(word, {})
        number = known.setdefault(span.worker, len(known) + 1)
        row = rows.setdefault(span.worker, Row(kind, f"{word} {number}" if word else span.worker, []))
        row.spans.append(span)
    keys = sorted(found, key=lambda key: (stages.index(key[0]), list(found).index(key)))
    return [Group(stage, kind, list(found[stage, kind].values())) for stage, kind in keys]


def kind_of(worker: str) -> tuple[str, str]:
    """A worker's kind, and the word for it; none for the caller, who is one."""
    name = worker.removeprefix("weft-")
    for start, kind in KINDS.items():
        if name.startswith(start):
            return kind, "" if kind == "serial" else start
    return "futures", "worker"


def ends(run: Record) -> list[float]:
    """When each span was over."""
    return [span.began + span.seconds for span in run.spans] or [0.0]


def _lanes(group: Group, down: float) -> Iterator[str]:
    """A lane for each worker, and its name; one name for all where they are very many."""
    if group.thin:
        word = group.rows[0].name.rpartition(" ")[0]
        middle = down + group.height / 2 + 4
        yield _text(32, middle, f"{len(group.rows)} {word}es" if word.endswith("s") else f"{len(group.rows)} {word}s")
        if group.every > 1:
            yield _text(32, middle + 18, f"one of {group.every} is drawn", "quiet")
    for row in group.drawn:
        tall = _tall(group)
        yield f'<rect class="lane" x="{LEFT}" y="{down:.0f}" width="{RIGHT - LEFT}" height="{tall}" rx="2"/>'
        if not group.thin:
            yield _text(32, down + 15, row.name)
        down += THIN if group.thin else ROW


def _bars(group: Group, down: float, seconds: float) -> Iterator[str]:
    for row in group.drawn:
        for span in row.spans:
            yield from _bar(span, row.kind, down, _tall(group), seconds)
        down += THIN if group.thin else ROW


def _tall(group: Group) -> int:
    return THIN - 1 if group.thin else ROW - 3


def _bar(span: Span, kind: str, down: float, tall: float, seconds: float) -> Iterator[str]:
    x, end = _across(span.began, seconds), _across(span.began + span.seconds, seconds)
    width = max(1.2, end - x - 0.8)  # so that two bars side by side are two
    bar = f'<rect class="{kind}" x="{x:.1f}" y="{down:.0f}" width="{width:.1f}" height="{tall}" rx="2"'
    if tall < THIN:
        yield f"{bar}/>"
        return
    said = str(span.first) if span.items == 1 else f"{span.first}–{span.first + span.items - 1}"
    yield f"{bar}><title>{said}: {_short(span.seconds)} from {_short(span.began)} on</title></rect>"
    if width > LETTER * len(said) + 6:
        yield _text(x + width / 2, down + 14.5, said, "on", anchor="middle")


def _grid(top: float, bottom: float, seconds: float) -> Iterator[str]:
    for tick in _ticks(seconds):
        x = _across(tick, seconds)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4:.1f}" y2="{bottom:.1f}"/>'


def _axis(down: float, seconds: float) -> Iterator[str]:
    for tick in _ticks(seconds):
        yield _text(_across(tick, seconds), down + 10, _short(tick), "quiet", anchor="middle")
    yield _text((LEFT + RIGHT) / 2, down + 30, "since the run began", "quiet", anchor="middle")


def _across(moment: float, seconds: float) -> float:
    return LEFT + moment / seconds * (RIGHT - LEFT)


def _ticks(seconds: float) -> list[float]:
    rough = seconds / 6
    power = 10 ** floor(log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    return [n * step for n in range(int(seconds / step) + 1)]


def _short(seconds: float) -> str:
    if seconds == 0:
        return "0"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _text(x: float, y: float, words: str, look: str = "", anchor: str = "start") -> str:
    named = f' class="{look}"' if look else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _colours() -> str:
    day = "".join(f"  .{kind} {{ fill: {both[0]} }}\n" for kind, both in COLOURS.items())
    night = "".join(f"    .{kind} {{ fill: {both[1]} }}\n" for kind, both in COLOURS.items())
    return f"{day}  @media (prefers-color-scheme: dark) {{\n{night}  }}\n"
