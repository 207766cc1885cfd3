"""What the README, the documentation and the examples show is what happens.

Python blocks of a page of ``docs/`` run one after another as one program; those of the README each by itself.
A block that can't run is ``text``, or follows ``<!-- not run: reason -->``; what follows ``<!-- by itself -->`` is a
program of its own. Shell blocks run if they start with ``weft``. What is shown of what an example has printed is what
it prints, whatever its numbers are.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from weft._choose.effects import reach

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TIMEOUT = 100  # seconds, of which a quiet machine needs few
SHOWN = ROOT / "docs" / "patterns"  # what examples have printed, as pages show it
VARIES = "the bottleneck is"  # which stage it is may be another on a busy machine

FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
EXCUSE = re.compile(r"<!-- not run: [^>]+ -->\n\Z")
ALONE = re.compile(r"<!-- by itself -->\n\Z")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)(?P<path>[^)#\s]+)(?:#[^)]*)?\)")


class Block(NamedTuple):
    """A block of code and the line of the page that it starts on."""

    language: str
    code: str
    line: int
    alone: bool


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if not EXCUSE.search(text[: found.start()]):
            line = text.count("\n", 0, found.start("code"))
            yield Block(found["language"], found["code"], line, bool(ALONE.search(text[: found.start()])))


def program(blocks: list[Block]) -> str:
    """The blocks as one program, each line where it is on the page."""
    lines: list[str] = []
    for block in blocks:
        lines += [""] * (block.line - len(lines))
        lines += block.code.splitlines()
    return "\n".join(lines) + "\n"


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run as a user would, in the checkout; nothing may be complained of on the way out either."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert "Exception ignored" not in done.stderr, said
    assert "Warning" not in done.stderr, said
    return done


def run_program(blocks: list[Block], page: Path, folder: Path) -> None:
    skip_without_ray(page)
    script = folder / f"page_{page.stem}.py"  # or one called ray.py would be what `import ray` finds
    script.write_text(program(blocks), encoding="utf-8")
    run([sys.executable, str(script)])


def skip_without_ray(path: Path) -> None:
    """Ray is not there for every Python, and what shows it says so in its name."""
    if "ray" in path.stem.split("_") and find_spec("ray") is None:
        pytest.skip(
            f"Ray is not installed: pip install 'weft[ray]', where it comes for Python {sys.version.split()[0]}"
        )


def blocks_in(page: Path, language: str) -> list[Block]:
    return [block for block in blocks_of(page) if block.language == language]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("block", blocks_in(README, "python"), ids=lambda block: f"line {block.line}")
def test_each_block_of_the_readme_runs_by_itself(block: Block, tmp_path: Path) -> None:
    """People paste one of them, not all of them."""
    run_program([block], README, tmp_path)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_in(page, "python")], ids=name_of)
def test_the_blocks_of_a_page_run_one_after_another(page: Path, tmp_path: Path) -> None:
    """A page that shows code which fails is worse than none."""
    run_program([block for block in blocks_in(page, "python") if not block.alone], page, tmp_path)


BY_THEMSELVES = [
    pytest.param(block, page, id=f"{name_of(page)}: line {block.line}")
    for page in PAGES
    for block in blocks_in(page, "python")
    if block.alone
]


@pytest.mark.parametrize(("block", "page"), BY_THEMSELVES)
def test_what_stands_by_itself_runs_by_itself(block: Block, page: Path, tmp_path: Path) -> None:
    """The way by hand, which is shown beside weft's, is a whole program; it would not run in the middle of another."""
    run_program([block], page, tmp_path)


COMMANDS = [
    pytest.param(line, id=f"{name_of(page)}: {line}")
    for page in [README, *PAGES]
    for block in blocks_in(page, "sh")
    for line in block.code.splitlines()
    if line.startswith(("weft ", ".venv/bin/weft "))
]


@pytest.mark.parametrize("command", COMMANDS)
def test_weft_commands_run_from_the_checkout(command: str) -> None:
    """They are what somebody types first who would rather not write a program."""
    assert run(["sh", "-c", command.removeprefix(".venv/bin/")]).stdout


def test_the_readme_begins_with_the_two_commands_that_set_it_up() -> None:
    """The first shows the library at work, the second runs the tests; each in one line, on a bare machine."""
    show, test = blocks_in(README, "sh")[:2]
    assert show.code == (
        "python3 -m venv .venv && .venv/bin/pip install --quiet -e '.[all]' && .venv/bin/python examples/stdlib.py\n"
    )
    assert test.code == (
        "python3 -m venv .venv && .venv/bin/pip install --quiet -e '.[test]' && .venv/bin/python -m pytest\n"
    )


def test_the_readme_fits_in_two_screens_of_reading() -> None:
    """Who wants more has the guide."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("*.md")), ROOT / "examples" / "README.md", ROOT / "src" / "weft" / "README.md", *PAGES],
    ids=name_of,
)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    """A dead link is a promise that was broken."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    dead = [found["path"] for found in LINK.finditer(prose) if not (page.parent / found["path"]).exists()]
    assert not dead


# A line that each example prints; the programs check the rest themselves.
PRINTS = {
    "actor.py": r"^the best of 60 guesses: 1\.4\d+$",
    "advise.py": r"^look_up: threads ×\d+: [\d,]+ items a second, [\d.]+ times a plain loop$",
    "at_exit.py": r"^two processes, the program killed: 0 are left$",
    "asyncio_fetch.py": r"^1,000 answers, the last one /item/999$",
    "channels.py": r"^1 item of this channel will never be finished: processes that had taken them have died",
    "chaos.py": r"^200 invoices, [1-9]\d* dead workers, [1-9]\d* late calls: every invoice is there, whole and once$",
    "database.py": r"^50,000 sales; shop 5 sold most, for 16,790\.48$",
    "drop_in.py": r"^2,262 altogether$",
    "errors.py": r"^kept:   \[0\.25, <Failure of item 1: ZeroDivisionError: division by zero>, 1\.0\]$",
    "executor.py": r"^processes: 249500250000 \| the executor given, ×2",
    "factoring.py": r"^147573952589676412927 = 193707721 × 761838257287$",
    "files.py": r"^300 files, 1,468,645 bytes, [\d,]+ of them saved$",
    "fractal.py": r"^6,663 of 33,600 points are in the set$",
    "interpreters.py": r"^5,133 primes, by (processes, elsewhere|interpreters, here)$",
    "joblib_backend.py": r"^digit 0, digit 1, digit 2$",
    "lazy_stream.py": r"^  2463 takes 208 steps$",
    "parsing.py": r"^400 articles, 7,800 pieces, worth 203,700\.00 €$",
    "pipeline.py": r"^19,\d+ links stored; left out: \[<Failure of item 13 in fetch: ConnectionError: page 13",
    "postgresql.py": r"^(50,000 sales, asked for over [1-4] connections|PostgreSQL, or psycopg, is not installed)",
    "printing.py": r"^20 invoices printed on two printers, 12,115 bytes$",
    "producer_consumer.py": r"^\d\d files, packed to \d+% of their size$",
    "random_pi.py": r"^process  2 workers: pi is about 3\.1[34]\d+$",
    "simulation.py": r"^4 counters: 0\.5 minutes \(0\.2 to 1\.2 on nine mornings of ten\), at most 14$",
    "start_methods.py": r"^fork +2 workers, started by this program, with what it held in memory$",
    "streams.py": r"^on stderr: line 4: invalid literal for int\(\) with base 10: 'many'$",
    "remembered.py": r"^   knew of 1 before: ",
    "stdlib.py": r"^[\d,]+ items in [\d.]+ s, \d+ failed.*; deciding took ",
    "ray_cluster.py": r"^in order, and complete: 200 results, 0 failures$",
    "shared_data.py": r"^6,000,000 numbers counted, [1-9]\d* killed: nothing is left in /dev/shm$",
    "submit.py": r"^3\*\*30000 is 144 hundreds of digits long$",
    "task_group.py": r"^  weft: the others of its task group were ended: endless \(its process was ended\)",
    "three_ways.py": r"^waiting, sixty coroutines +\d+ ms, +\d+\.\d times a loop$",
    "threads_download.py": r"^60 pages, 1,770 bytes$",
    "transfer.py": r"^80 pictures sent back, 12 of them at the second try$",
    "worker_logs.py": r"^weft-process \| monday: item 0 is a prime$",
    "worklist.py": r"^92 ways to place eight queens, 2,057 positions looked at$",
    "wordcount.py": r'^\{"words": \d+, "common": \{"import": \d+',
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_run_and_print_what_they_should(example: Path) -> None:
    """They are the first programs that people copy from."""
    skip_without_ray(example)
    printed = run([sys.executable, str(example)]).stdout
    assert re.search(PRINTS[example.name], printed, re.MULTILINE), printed
    shown = SHOWN / f"{example.stem}.txt"
    if shown.exists():
        there = set(map(masked, printed.splitlines()))
        lines = shown.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if masked(line) not in there and not line.startswith(VARIES)]


def masked(line: str) -> str:
    """The line without its numbers, and without what they have taken of the space between."""
    return re.sub(r"\s+", " ", re.sub(r"\d[\d,.]*", "0", line)).strip()


def test_the_list_of_examples_is_complete() -> None:
    """An example that nobody finds helps nobody."""
    listed = re.findall(r"\]\((\w+\.py)\)", (ROOT / "examples" / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [path.name for path in EXAMPLES]


def test_nothing_keeps_the_first_command_from_using_processes() -> None:
    """Parsing computes: who types the first command should see all processors at work."""
    definitions, *_ = (ROOT / "examples" / "stdlib.py").read_text(encoding="utf-8").partition("\nlibrary = ")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(definitions, "stdlib.py", "exec"), names)
    assert reach(names["parse"]) is None
