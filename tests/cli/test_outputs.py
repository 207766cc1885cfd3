"""JSON Lines out: what is written, where, and what is said when it can't be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def test_each_item_is_a_line_with_its_index(weft: Callable) -> None:
    said = weft("map", "work.py:picky", "a", "bad", "é")
    assert said.out.splitlines()[0] == '{"index": 0, "item": "a", "result": "a"}'
    assert said.rows[1] == {"index": 1, "item": "bad", "error": "ValueError: no bad"}
    assert said.out.splitlines()[2] == '{"index": 2, "item": "é", "result": "é"}'


def test_bare_is_results_alone(weft: Callable) -> None:
    said = weft("map", "work.py:picky", "a", "bad", "c", "--bare")
    assert (said.status, said.out) == (1, '"a"\n"c"\n')


@pytest.mark.parametrize("on", ["serial", "thread", "process", "async"])
def test_unordered_results_keep_their_index_and_item(weft: Callable, folder: Path, on: str) -> None:
    (folder / "n.jsonl").write_text("".join(f"{n}\n" for n in range(5000)))
    (folder / "odd.py").write_text("def f(n):\n    if n % 7 == 0: raise ValueError(n)\n    return -n\n")
    said = weft("map", "odd.py:f", "--jsonl", "n.jsonl", "--unordered", "--on", on)
    assert said.status == 1
    assert sorted(row["index"] for row in said.rows) == list(range(5000))
    for row in said.rows:
        assert row["index"] == row["item"]
        assert row.get("result", "") == (-row["item"] if row["item"] % 7 else "")
        assert row.get("error", "") == ("" if row["item"] % 7 else f"ValueError: {row['item']}")


def test_a_result_that_json_cannot_hold_is_an_error_of_its_item(weft: Callable, folder: Path) -> None:
    (folder / "odd.py").write_text(
        "def f(text):\n"
        "    if text == 'self':\n        loop = []; loop.append(loop); return loop\n"
        "    return {'object': object(), 'keys': {(1, 2): 3}, 'fn': f, 'ok': 1}[text]\n"
    )
    said = weft("map", "odd.py:f", "object", "keys", "fn", "self", "ok", "--on", "serial")
    assert said.status == 1
    assert (
        said.rows[0]["error"]
        == "TypeError: the result can't be written as JSON: a object is not data that JSON can hold"
    )
    assert "keys must be" in said.rows[1]["error"]
    assert "a function is not data" in said.rows[2]["error"]
    assert "holds itself" in said.rows[3]["error"]
    assert said.rows[4]["result"] == 1
    assert "4 of 5 items failed" in said.err


def test_results_that_are_data_are_written(weft: Callable, folder: Path) -> None:
    pytest.importorskip("numpy")
    (folder / "data.py").write_text(
        "import numpy as np, datetime\nfrom work import Record\ndef f(text):\n    return eval(text)\n"
    )
    texts = ["np.int64(3)", "np.float32('nan')", "np.arange(3)", "Record('a', float('inf'))", "{1: {2}}", "'\\ud800'"]
    said = weft("map", "data.py:f", *texts)
    assert said.results == [3, None, [0, 1, 2], {"name": "a", "size": None}, {"1": [2]}, "\ud800"]
    assert said.status == 0


def test_output_goes_into_a_file(weft: Callable, folder: Path) -> None:
    (folder / "out.jsonl").write_text("what was there\n")
    said = weft("map", "work.py:upper", "é", "\udcff", "--output", "out.jsonl")
    assert (said.status, said.out) == (0, "")
    lines = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0] == '{"index": 0, "item": "é", "result": "É"}'
    assert json.loads(lines[1])["item"] == "\udcff"


@pytest.mark.parametrize("path", ["no/such/folder/out", ".", "work.py/out"])
def test_an_output_that_cannot_be_written_fails_before_anything_runs(weft: Callable, folder: Path, path: str) -> None:
    (folder / "traces.py").write_text("import pathlib\ndef f(text):\n    pathlib.Path('ran').touch()\n")
    said = weft("map", "traces.py:f", "a", "--on", "serial", "--output", path)
    assert said.status == 2
    assert said.err.startswith(f"weft: '{path}' can't be written: ")
    assert not (folder / "ran").exists()


def test_a_mistake_elsewhere_does_not_empty_the_output(weft: Callable, folder: Path) -> None:
    (folder / "out").write_text("precious")
    for words in (["nowhere:f", "a"], ["work.py:upper"], ["work.py:upper", "a", "--max-workers", "0"]):
        assert weft("map", *words, "--output", "out").status == 2
    assert weft("map", "work.py:upper", "--lines", "out", "--output", "./out").status == 2
    assert (folder / "out").read_text() == "precious"


@pytest.mark.parametrize("words", [["--output", "/dev/full"], []])
@pytest.mark.parametrize("items", [["a", "bad"], ["x" * 100_000]])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence(weft_alone: Callable, words: list[str], items: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        said = weft_alone("map", "work.py:upper", *items, *words, stdout=subprocess.PIPE if words else full)
    assert said.status == 2
    what = "'/dev/full'" if words else "stdout"
    assert said.err == f"weft: {what} can't be written: No space left on device\n"


def test_a_reader_who_has_seen_enough_ends_the_run_in_silence(folder: Path) -> None:
    command = f"yes | {sys.executable} -m weft map work.py:upper - | head -n 2; echo ${{PIPESTATUS[@]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == ['{"index": 1, "item": "y", "result": "Y"}', "141 141 0"]


@pytest.mark.parametrize("on", ["serial", "thread", "process"])
def test_what_the_function_prints_stays_out_of_the_results(weft_alone: Callable, folder: Path, on: str) -> None:
    """Somebody pipes this into a JSON reader."""
    (folder / "loud.py").write_text("from work import says\nprint('imported')\n")
    said = weft_alone("map", "loud.py:says", "a", "b", "--on", on)
    assert said.results == ["a", "b"]
    assert all(text in said.err for text in ("imported", "said a", "said b"))  # threads may tear each other's lines


def test_standard_streams_may_be_closed(folder: Path) -> None:
    weft = f"{sys.executable} -m weft map work.py:picky"
    for command, status, out in [
        (f"{weft} a bad 2>&-", 1, 2),
        (f"{weft} a --on process 2>&-", 0, 1),
        (f"{weft} a >&-", 2, 0),
        (f"{weft} a --output out >&-", 0, 0),
        (f"{weft} - <&-", 2, 0),
        (f"{weft} a <&-", 0, 1),
    ]:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, len(done.stdout.splitlines())) == (status, out), command
        assert "Traceback" not in done.stderr
