"""The options of ``weft map``, the exit status, the summary."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import weft as library


def test_the_status_says_how_it_went(weft: Callable) -> None:
    assert weft("map", "work.py:upper", "a").status == 0
    assert weft("map", "work.py:fails", "a").status == 1
    assert weft("map", "work.py:nothing", "a").status == 2
    assert weft("map").status == 2
    assert weft().status == 2
    assert weft("mapp").status == 2
    assert weft("map", "--help").status == 0
    assert library.__version__ in weft("--version").out


def test_keep_writes_errors_and_the_summary_names_the_first_few(weft: Callable) -> None:
    said = weft("map", "work.py:fails", *"abcdefgh")
    assert [row["error"] for row in said.rows] == [f"ValueError: no {c}\nat all" for c in "abcdefgh"]
    assert said.err.splitlines() == [
        "weft: 8 of 8 items failed",
        *(f"  item {n} ('{c}'): ValueError: no {c}" for n, c in enumerate("abcde")),
        "  … and 3 more",
    ]


def test_skip_leaves_errors_out_and_tells_of_them(weft: Callable) -> None:
    said = weft("map", "work.py:picky", "a", "bad", "c", "--on-error", "skip")
    assert [row["index"] for row in said.rows] == [0, 2]
    assert said.status == 1
    assert "1 of 3 items failed\n  item 1 ('bad'): ValueError: no bad" in said.err


@pytest.mark.parametrize("on", ["serial", "thread", "process", "async", "auto"])
def test_raise_stops_after_the_results_before_it(weft: Callable, on: str) -> None:
    items = ["a", "b", "bad 1", "c", "bad 2"]
    said = weft("map", "work.py:picky", *items, "--on-error", "raise", "--on", on)
    assert [row["item"] for row in said.rows] == ["a", "b", "bad 1"]
    assert said.rows[-1] == {"index": 2, "item": "bad 1", "error": "ValueError: no bad 1"}
    assert said.status == 1
    assert "1 of 3 items failed" in said.err


def test_raise_writes_the_failure_that_the_run_ended_with(weft: Callable, folder: Path) -> None:
    """The later item fails first; in order, the earlier one is what ends the run."""
    (folder / "race.py").write_text(
        "import threading\nlater = threading.Event()\n"
        "def f(text):\n"
        "    if text == 'early': later.wait(10)\n"
        "    else: later.set()\n"
        "    raise ValueError(text)\n"
    )
    said = weft("map", "race.py:f", "early", "late", "--on", "thread", "--max-workers", "2", "--on-error", "raise")
    assert [row["error"] for row in said.rows] == ["ValueError: early"]


def test_retries_try_again(weft: Callable, folder: Path) -> None:
    (folder / "flaky.py").write_text(
        "import os\ndef f(text):\n"
        "    try: os.mkdir('tried-' + text)\n"
        "    except FileExistsError: return 'second'\n"
        "    raise OSError('first')\n"
    )
    assert weft("map", "flaky.py:f", "a", "b", "--retries", "1", "--on", "process").results == ["second", "second"]
    assert weft("map", "flaky.py:f", "c", "--on", "process").status == 1


def test_a_timeout_ends_the_item_and_no_other(weft: Callable) -> None:
    said = weft("map", "work.py:sleeps", "0", "60", "0.01", "--on", "process", "--timeout", "0.3")
    assert [row.get("result") for row in said.rows] == ["0", None, "0.01"]
    assert said.rows[1]["error"].startswith("TaskTimeout: item 1 took longer than timeout=0.3 s")
    assert said.status == 1


def test_the_kind_and_number_of_workers_are_as_asked(weft: Callable) -> None:
    items = [str(n) for n in range(20)]
    assert set(weft("map", "work.py:where", *items, "--on", "serial").results) == {os.getpid()}
    assert set(weft("map", "work.py:where", *items, "--on", "thread").results) == {os.getpid()}
    one = weft("map", "work.py:where", *items, "--on", "process", "--max-workers", "1").results
    assert len(set(one)) == 1
    assert os.getpid() not in one


def test_explain_goes_to_stderr(weft: Callable) -> None:
    said = weft("map", "work.py:fetch", "ab", "--explain")
    assert said.results == ["ba"]
    assert "coroutines" in said.err
    said = weft("map", "work.py:fails", "ab", "--explain", "--on", "thread")
    assert "threads" in said.err
    assert said.status == 1


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--max-workers", "0"], "--max-workers must be a whole number, 1 or more, not 0"),
        (["--max-workers", "many"], "argument --max-workers: invalid int value: 'many'"),
        (["--timeout", "-1"], "--timeout must be a number greater than 0, not -1.0"),
        (["--timeout", "nan"], "--timeout must be a number greater than 0, not nan"),
        (
            ["--timeout", "soon"],
            "--timeout must be a number of seconds, or a multiple of the median such as '5x median', not 'soon'",
        ),
        (["--retries", "-1"], "--retries must be a whole number, 0 or more, not -1"),
        (["--on", "treads"], "argument --on: invalid choice: 'treads'"),
        (["--on-error", "ignore"], "argument --on-error: invalid choice"),
        (["--max_workers", "3"], "there is no option --max_workers: did you mean --max-workers?"),
        (["--order=no"], "there is no option --order: did you mean --unordered?"),
        (["--max", "3"], "there is no option --max"),
        (["-x"], "there is no option -x: if '-x' is an item, write -- before the items"),
    ],
)
def test_an_option_that_is_wrong_is_a_sentence(weft: Callable, words: list[str], wanted: str) -> None:
    said = weft("map", "work.py:upper", "a", *words)
    assert (said.status, said.out) == (2, "")
    assert wanted in said.err


def test_an_error_whose_text_cannot_be_had_is_named_all_the_same(weft: Callable, folder: Path) -> None:
    source = "class Mute(Exception):\n    def __str__(self): raise RuntimeError\ndef f(text):\n    raise Mute\n"
    (folder / "mute.py").write_text(source)
    assert weft("map", "mute.py:f", "a", "--on", "serial").rows[0]["error"] == "Mute"
