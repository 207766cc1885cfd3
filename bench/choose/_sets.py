"""The workloads, in two sets: one to tune with, one that is only ever run to report.

Both were written before anything was tuned. They are of the same natures and of different functions, so that what fits
the first alone shows in the second. Each takes 0.2 to 1 s in a plain loop on the machine it was written on, those
that wait for far away longer.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from . import _awkward as awkward
from . import _computing as computing
from . import _waiting as waiting

Make: TypeAlias = "Callable[[Place], tuple[Callable[[Any], Any], list[Any]]]"


@dataclass(frozen=True)
class Place:
    """Where things are.

    Attributes:
        server: The address of the slow server.
        folder: A folder to write in.
        sqlite: A database in a file.
        postgres: How to reach PostgreSQL; empty where there is none.
    """

    server: str
    folder: str
    sqlite: str
    postgres: str = ""


@dataclass(frozen=True)
class Workload:
    """A function and its items.

    Attributes:
        nature: What kind of work it is.
        make: Makes both.
        needs: Packages, or ``"postgres"``.
        awaits: Whether the function is a coroutine function.
        stays: Whether it has something that no other process can have, so that processes are no choice.
        lazy: Whether the items come from a generator.
        prints: Whether it writes to this program's output, which is then thrown away.
    """

    nature: str
    make: Make
    needs: tuple[str, ...] = ()
    awaits: bool = False
    stays: bool = False
    lazy: bool = False
    prints: bool = False


# ── what they are made of ─────────────────────────────────────────────────────────────────────────────────


def _json(count: int, seed: int) -> str:
    draw = random.Random(seed)
    return json.dumps([{"id": n, "value": draw.random(), "tags": ["a", "bb"], "in": {"x": n}} for n in range(count)])


def _html(count: int, seed: int) -> str:
    draw = random.Random(seed)
    rows = (
        f'<div class="c{n % 7}"><p>text <b>{draw.randrange(99)}</b></p><a href="/{n}">x</a></div>' for n in range(count)
    )
    return f"<html><body>{''.join(rows)}</body></html>"


def _xml(count: int) -> str:
    rows = (f'<row n="{n}"><name>row {n}</name></row>' for n in range(count))
    return f"<rows>{''.join(rows)}</rows>"


def _csv(count: int, seed: int) -> str:
    draw = random.Random(seed)
    return "name,price,count\n" + "".join(f"item {n},{draw.random():.3f},{n % 9}\n" for n in range(count))


def _text(words: int, seed: int) -> str:
    draw = random.Random(seed)
    known = ["".join(draw.choices("abcdefghij", k=draw.randrange(2, 9))) for _ in range(400)]
    return " ".join(draw.choices(known, k=words))


def _tail(count: int, seed: int, least: float, most: float) -> list[float]:
    draw = random.Random(seed)
    return [min(most, least * draw.paretovariate(1.1)) for _ in range(count)]


def _products(count: int, seed: int) -> list[int]:
    draw = random.Random(seed)

    def prime() -> int:
        while True:
            n = draw.randrange(60_000, 120_000) | 1
            if all(n % d for d in range(3, int(n**0.5) + 1, 2)):
                return n

    return [prime() * prime() for _ in range(count)]


def _arrays(count: int, size: int) -> list[Any]:
    import numpy as np

    return [np.full(size, float(n)) for n in range(count)]


def _urls(place: Place, path: str, count: int) -> list[str]:
    return [f"{place.server}/{path}"] * count


def _numbers(fn: Callable[[Any], Any], count: int) -> Make:
    return lambda place: (fn, list(range(count)))


def _in_folder(fn: Callable[[Any], Any], count: int) -> Make:
    return lambda place: (fn, [(place.folder, n) for n in range(count)])


# ── to tune with ──────────────────────────────────────────────────────────────────────────────────────────

TUNING: Final[dict[str, Workload]] = {
    "mandelbrot": Workload("fractal, Python", _numbers(computing.mandelbrot, 150)),
    "pi_by_chance": Workload("pi, Python", _numbers(computing.pi_by_chance, 80)),
    "factors": Workload("factoring, Python", lambda place: (computing.factors, _products(90, 1))),
    "random_walk": Workload("simulation, Python", _numbers(computing.random_walk, 100)),
    "links": Workload("HTML, Python", lambda place: (computing.links, [_html(250, n) for n in range(8)] * 8)),
    "links_by_lxml": Workload(
        "HTML, C", lambda place: (computing.links_by_lxml, [_html(1_000, n) for n in range(8)] * 8), needs=("lxml",)
    ),
    "json_whole": Workload(
        "JSON, large results", lambda place: (computing.json_whole, [_json(1_000, n) for n in range(10)] * 12)
    ),
    "json_total": Workload(
        "JSON, large arguments", lambda place: (computing.json_total, [_json(1_000, n) for n in range(10)] * 14)
    ),
    "csv_total": Workload("CSV, Python", lambda place: (computing.csv_total, [_csv(1_500, n) for n in range(6)] * 20)),
    "common_words": Workload("text", lambda place: (computing.common_words, [_text(20_000, n) for n in range(6)] * 12)),
    "matches": Workload(
        "text, C with the GIL", lambda place: (computing.matches, [_text(40_000, n) for n in range(6)] * 10)
    ),
    "compressed": Workload(
        "compression", lambda place: (computing.compressed, [_text(15_000, n).encode() for n in range(8)] * 12)
    ),
    "digest": Workload(
        "hashing, large arguments", lambda place: (computing.digest, [os.urandom(1 << 20) for _ in range(8)] * 60)
    ),
    "product": Workload("NumPy, BLAS", _numbers(computing.product, 120), needs=("numpy",)),
    "waves": Workload("NumPy, no BLAS", _numbers(computing.waves, 100), needs=("numpy",)),
    "small_arrays": Workload("NumPy, small arrays", _numbers(computing.small_arrays, 400), needs=("numpy",)),
    "thumbnail": Workload("images", _numbers(computing.thumbnail, 60), needs=("PIL",)),
    "write_and_read": Workload("files", _in_folder(waiting.write_and_read, 4_000)),
    "synced": Workload("fsync", _in_folder(waiting.synced, 800)),
    "http_5": Workload("HTTP, 5 ms", lambda place: (waiting.fetched, _urls(place, "5/500", 300))),
    "http_50": Workload("HTTP, 50 ms", lambda place: (waiting.fetched, _urls(place, "50/500", 40))),
    "http_200": Workload("HTTP, 200 ms", lambda place: (waiting.fetched, _urls(place, "200/500", 48))),
    "async_http_50": Workload(
        "async HTTP, 50 ms", lambda place: (waiting.afetched, _urls(place, "50/500", 400)), awaits=True
    ),
    "asked_sqlite": Workload("SQLite", lambda place: (waiting.asked_sqlite, [(place.sqlite, n) for n in range(250)])),
    "asked_postgres": Workload(
        "PostgreSQL, it waits",
        lambda place: (waiting.asked_postgres, [(place.postgres, n) for n in range(60)]),
        needs=("psycopg", "postgres"),
    ),
    "program": Workload("subprocesses", lambda place: (waiting.program, ["0.01"] * 150)),
    "printed": Workload("stdout", _numbers(waiting.printed, 200_000), prints=True),
    "fetched_and_read": Workload(
        "mixed, HTTP and computing", lambda place: (waiting.fetched_and_read, _urls(place, "10/500", 60))
    ),
    "square": Workload("tiny", _numbers(awkward.square, 1_500_000)),
    "square_few": Workload("tiny and few", _numbers(awkward.square, 20)),
    "array_total": Workload(
        "huge arguments", lambda place: (awkward.array_total, _arrays(16, 1 << 20) * 30), needs=("numpy",)
    ),
    "array_made": Workload("huge results", _numbers(awkward.array_made, 250), needs=("numpy",)),
    "warmed": Workload("warm-up", _numbers(awkward.warmed, 250)),
    "tail_computing": Workload(
        "heavy tail", lambda place: (computing.spin, [int(n) for n in _tail(150, 3, 40_000, 2_000_000)])
    ),
    "waiting_then_computing": Workload(
        "phases", lambda place: (awkward.phased, [("wait", 5.0)] * 80 + [("compute", 250_000)] * 60)
    ),
    "locked_computing": Workload("a lock", lambda place: (awkward.Guarded().compute, [150_000] * 80), stays=True),
    "closure_computing": Workload("a closure", lambda place: (awkward.with_settings(100_000), list(range(120)))),
}

# ── only ever to report ───────────────────────────────────────────────────────────────────────────────────

HELD_OUT: Final[dict[str, Workload]] = {
    "julia": Workload("fractal, Python", _numbers(computing.julia, 160)),
    "pi_by_digits": Workload("pi, long integers", lambda place: (computing.pi_by_digits, [1_500] * 100)),
    "factor_by_rho": Workload("factoring, Python", lambda place: (computing.factor_by_rho, _products(250, 2) * 10)),
    "bodies": Workload("simulation, Python", _numbers(computing.bodies, 60)),
    "life": Workload("simulation, Python", _numbers(computing.life, 60)),
    "queens": Workload(
        "search, Python, few and long", lambda place: (computing.queens, [10, 11, 10, 11, 10, 11, 10, 11])
    ),
    "xml_total": Workload("XML, C", lambda place: (computing.xml_total, [_xml(2_500)] * 120)),
    "json_written": Workload("JSON, written", _numbers(computing.json_written, 150)),
    "csv_written": Workload("CSV, C with the GIL", lambda place: (computing.csv_written, [6_000] * 100)),
    "distance": Workload(
        "text, Python",
        lambda place: (computing.distance, [(_text(40, n)[:180], _text(40, n + 1)[:180]) for n in range(70)]),
    ),
    "likeness": Workload(
        "text, standard library",
        lambda place: (computing.likeness, [(_text(500, n), _text(500, n + 7)) for n in range(300)]),
    ),
    "compressed_hard": Workload(
        "compression", lambda place: (computing.compressed_hard, [_text(12_000, n).encode() for n in range(8)] * 9)
    ),
    "key_of": Workload("hashing", lambda place: (computing.key_of, [f"word {n}".encode() for n in range(120)])),
    "solved": Workload("NumPy, LAPACK", _numbers(computing.solved, 300), needs=("numpy",)),
    "ordered": Workload("NumPy, no BLAS", _numbers(computing.ordered, 120), needs=("numpy",)),
    "blurred": Workload("images, Python", _numbers(computing.blurred, 250)),
    "small_files": Workload("files", _in_folder(waiting.small_files, 250)),
    "walked": Workload(
        "files, by name", lambda place: (waiting.walked, ["/usr/bin", "/usr/lib", "/etc", "/usr/share"] * 40)
    ),
    "http_capped": Workload("HTTP, four at a time", lambda place: (waiting.fetched, _urls(place, "cap/10/500", 120))),
    "http_100": Workload("HTTP, 100 ms", lambda place: (waiting.fetched, _urls(place, "100/500", 64))),
    "http_counted": Workload(
        "HTTP, 5 ms, JSON", lambda place: (waiting.fetched_and_counted, _urls(place, "5/60000", 100))
    ),
    "async_http_5": Workload(
        "async HTTP, 5 ms", lambda place: (waiting.afetched, _urls(place, "5/500", 500)), awaits=True
    ),
    "async_http_200": Workload(
        "async HTTP, 200 ms", lambda place: (waiting.afetched, _urls(place, "200/500", 300)), awaits=True
    ),
    "async_computing": Workload(
        "coroutines that compute", lambda place: (waiting.acomputed, [80_000] * 120), awaits=True
    ),
    "filled_sqlite": Workload("SQLite, written", _in_folder(waiting.filled_sqlite, 120)),
    "counted_by_postgres": Workload(
        "PostgreSQL, it computes",
        lambda place: (waiting.counted_by_postgres, [(place.postgres, n) for n in range(40)]),
        needs=("psycopg", "postgres"),
    ),
    "python": Workload("subprocesses", lambda place: (waiting.python, [f"print({n})" for n in range(40)])),
    "thrown_away": Workload("system calls", _numbers(waiting.thrown_away, 12_000)),
    "shouted": Workload("tiny, text", lambda place: (awkward.shouted, [f"word {n}" for n in range(1_000_000)])),
    "array_first": Workload(
        "huge arguments, nothing to do", lambda place: (awkward.array_first, _arrays(16, 1 << 20) * 8), needs=("numpy",)
    ),
    "bytes_made": Workload("large results", _numbers(awkward.bytes_made, 300)),
    "records": Workload("many objects as results", _numbers(awkward.records, 600)),
    "tail_waiting": Workload("heavy tail", lambda place: (waiting.sleep, _tail(120, 4, 3, 150))),
    "tiny_then_dear": Workload(
        "phases", lambda place: (awkward.phased, [("compute", 100)] * 4_000 + [("compute", 400_000)] * 40)
    ),
    "computing_then_waiting": Workload(
        "phases", lambda place: (awkward.phased, [("compute", 200_000)] * 60 + [("wait", 6.0)] * 100)
    ),
    "locked_waiting": Workload("a lock", lambda place: (awkward.Guarded().wait, [4.0] * 80), stays=True),
    "lock_after_waiting": Workload(
        "a lock, briefly", lambda place: (awkward.Guarded().wait_outside, [8.0] * 400), stays=True
    ),
    "closure_waiting": Workload("a closure", lambda place: (awkward.with_delay(12.0), list(range(400)))),
    "few_long": Workload("few and long", lambda place: (computing.spin, [6_000_000] * 4)),
    "lazy_input": Workload("a generator as input", lambda place: (computing.spin, [120_000] * 120), lazy=True),
}

SETS: Final = {"tuning": TUNING, "held-out": HELD_OUT}
