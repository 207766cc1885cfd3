"""ITEMS, --lines, --jsonl, --csv, --glob and stdin; and what is said of those that can't be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest


def test_items_are_arguments_and_options_may_stand_between_them(weft: Callable) -> None:
    assert weft("map", "work.py:upper", "a", "b").results == ["A", "B"]
    assert weft("map", "work.py:upper", "--on", "thread", "a", "b").results == ["A", "B"]
    assert weft("map", "--bare", "work.py:upper", "a", "--on", "serial", "b").out == '"A"\n"B"\n'
    assert weft("map", "work.py:upper", "--", "-a", "--b").results == ["-A", "--B"]
    assert weft("map", "work.py:upper", "-1", "a").results == ["-1", "A"]


def test_a_line_is_an_item_whatever_ends_it(weft: Callable, folder: Path) -> None:
    (folder / "lines.txt").write_bytes("\ufeffone\r\n\ntwo words \nthrée".encode())
    assert weft("map", "work.py:echo", "--lines", "lines.txt").results == ["one", "", "two words ", "thrée"]


def test_stdin_is_lines_or_whatever_is_asked_for(weft: Callable) -> None:
    assert weft("map", "work.py:upper", "-", stdin="a\nb\n").results == ["A", "B"]
    assert weft("map", "work.py:upper", stdin="a\nb\n").results == ["A", "B"]
    assert weft("map", "work.py:upper", "--lines", "-", stdin="a\nb\n").results == ["A", "B"]
    assert weft("map", "work.py:echo", "--jsonl", "-", stdin="1\n[2]\n").results == [1, [2]]
    assert weft("map", "work.py:echo", "--csv", "-", stdin="a,b\n1,2\n").results == [{"a": "1", "b": "2"}]
    assert weft("map", "work.py:echo", "-", stdin="").out == ""


def test_json_lines_are_values(weft: Callable, folder: Path) -> None:
    (folder / "v.jsonl").write_text('\ufeff{"a": 1}\n\n  \n"x"\nnull\n[1, 2.5]\n', encoding="utf-8")
    said = weft("map", "work.py:echo", "--jsonl", "v.jsonl")
    assert said.results == [{"a": 1}, "x", None, [1, 2.5]]
    assert [row["item"] for row in said.rows] == said.results


def test_csv_rows_are_dicts_of_strings(weft: Callable, folder: Path) -> None:
    (folder / "t.csv").write_bytes(b'\xef\xbb\xbfname,text\r\nann,"two\r\nlines, one field"\r\n\r\nbob,\r\n')
    said = weft("map", "work.py:echo", "--csv", "t.csv")
    assert said.results == [{"name": "ann", "text": "two\r\nlines, one field"}, {"name": "bob", "text": ""}]


def test_csv_fields_may_be_long(weft: Callable, folder: Path) -> None:
    (folder / "t.csv").write_text("text\n" + "x" * 200_000 + "\n")
    assert len(weft("map", "work.py:echo", "--csv", "t.csv").results[0]["text"]) == 200_000


def test_a_pattern_is_files_sorted_without_folders(weft: Callable, folder: Path) -> None:
    for name in ("b.txt", "a.txt", "in/c.txt", "in.txt/d.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert weft("map", "work.py:echo", "--glob", "*.txt").results == ["a.txt", "b.txt"]
    assert weft("map", "work.py:echo", "--glob", "**/*.txt").results == ["a.txt", "b.txt", "in.txt/d.txt", "in/c.txt"]


@pytest.mark.parametrize(
    ("words", "content", "wanted", "before"),
    [
        (["--jsonl", "f"], b"1\n2\n{oops\n4\n", "f, line 3, column 2: this is not JSON: ", 2),
        (["--jsonl", "f"], b"1\n{\n", "f, line 2, column 2: this is not JSON: ", 1),
        (["--jsonl", "f"], b"1\n" + b"[" * 200_000 + b"\n", "f, line 2: this JSON is nested too deeply", 1),
        (["--jsonl", "f"], b"1\n" + b"1" * 5000 + b"\n", "f, line 2: this JSON can't be read: ", 1),
        (["--jsonl", "f"], b"1\n\xff\n", "f, line 2: this is not UTF-8 text", 1),
        (["--lines", "f"], b"a\nb\n\xff\xfe\n", "f, line 3: this is not UTF-8 text", 2),
        (["--lines", "f"], b"\x7fELF\x02\x01\x01\x00\x80\x90\n", "f, line 1: this is not UTF-8 text", 0),
        (["--csv", "f"], b"a,b\n1,2\n3,4,5\n", "f, line 3: this row has 3 fields, the heading has 2", 1),
        (["--csv", "f"], b"a,b\n1,2\n3\n", "f, line 3: this row has 1 field, the heading has 2", 1),
        (["--csv", "f"], b'a,b\n"x\ny",2\n3\n', "f, line 4: this row has 1 field, the heading has 2", 1),
        (["--csv", "f"], b'a,b\n1,2\n"3,4\n', "f, line 3: this is not CSV: unexpected end of data", 1),
        (["--csv", "f"], b"a,b\n1,2\n\xff,4\n", "f, line 3: this is not UTF-8 text", 1),
        (["--csv", "f"], b"a,b,a\n1,2,3\n", "f, line 1: the heading has 'a' twice", 0),
    ],
)
@pytest.mark.parametrize("on", ["serial", "process"])
def test_input_that_breaks_off_says_in_which_line(
    weft: Callable, folder: Path, words: list[str], content: bytes, wanted: str, before: int, on: str
) -> None:
    """The results of what came before are written, the exit status is that of wrong use."""
    (folder / "f").write_bytes(content)
    said = weft("map", "work.py:echo", *words, "--on", on)
    assert said.status == 2
    assert wanted in said.err
    assert said.err.count("\n") == 1
    assert len(said.rows) == before


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "no items: name some, or a file with --lines"),
        (["a", "--lines", "f"], "items come from one place, not from --lines and ITEMS"),
        (["--csv", "f", "--jsonl", "f"], "items come from one place, not from --jsonl and --csv"),
        (["--lines", "missing"], "'missing' can't be read: No such file or directory"),
        (["--jsonl", "missing"], "'missing' can't be read"),
        (["--csv", "."], "'.' can't be read: Is a directory"),
        (["--glob", "*.nothing"], "no file matches '*.nothing'"),
        (["-"], "stdin is closed"),
    ],
)
def test_no_items_is_a_sentence(weft: Callable, words: list[str], wanted: str) -> None:
    said = weft("map", "work.py:echo", *words)
    assert (said.status, said.out) == (2, "")
    assert wanted in said.err


def test_stdin_of_a_process_is_utf_8_whatever_the_locale(weft_alone: Callable) -> None:
    settings = {"env": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}}
    said = weft_alone("map", "work.py:upper", "-", stdin="é\nb\n".encode(), **settings)
    assert said.results == ["É", "B"]
    said = weft_alone("map", "work.py:upper", "-", stdin=b"a\n\xff\n", **settings)
    assert (said.status, said.rows) == (2, [{"index": 0, "item": "a", "result": "A"}])
    assert said.err == "weft: stdin, line 2: this is not UTF-8 text\n"


def test_input_is_read_no_further_than_needed(weft: Callable, folder: Path) -> None:
    """With --on-error raise the first failure ends the run, and the broken line far behind it is never seen."""
    (folder / "f").write_text('"bad"\n' * 200_000 + "{oops\n")
    said = weft("map", "work.py:picky", "--jsonl", "f", "--on", "serial", "--on-error", "raise")
    assert said.status == 1
    assert [json.loads(line)["index"] for line in said.out.splitlines()] == [0]
