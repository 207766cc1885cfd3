"""What is below a worker's standard streams."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator

import pytest

from weft._workers.saying import LONGEST, SaidStream, Voice


@pytest.fixture
def file() -> Iterator[tuple[io.TextIOWrapper, int]]:
    """What a worker would have as its stdout, and the end to read it from."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="latin-1") as stream:
        yield stream, reading
    os.close(reading)


class Parent:
    """Takes what is said."""

    def __init__(self) -> None:
        self.heard: list[tuple[Voice, bytes]] = []

    def __call__(self, voice: Voice, body: bytes) -> None:
        self.heard.append((voice, body))

    @property
    def text(self) -> bytes:
        return b"".join(body for _, body in self.heard)


def test_a_line_leaves_when_it_is_finished() -> None:
    parent = Parent()
    said = SaidStream(Voice.STDOUT, parent, None)
    said.heard = True
    said.write(b"one\ntw")
    assert parent.heard == [(Voice.STDOUT, b"one\n")]
    said.write(b"o\nthree\n")
    assert parent.heard[1:] == [(Voice.STDOUT, b"two\nthree\n")]


def test_one_that_is_not_finished_leaves_at_the_end() -> None:
    parent = Parent()
    said = SaidStream(Voice.STDERR, parent, None)
    said.heard = True
    said.write(b"no end")
    assert parent.heard == []
    said.finish()
    said.finish()
    assert parent.heard == [(Voice.STDERR, b"no end")]


def test_an_endless_line_leaves_in_pieces() -> None:
    parent = Parent()
    said = SaidStream(Voice.STDOUT, parent, None)
    said.heard = True
    for _ in range(5):
        said.write(b"x" * (LONGEST // 2))
    assert len(parent.text) > LONGEST


def test_text_of_another_encoding_leaves_as_utf_8(file: tuple[io.TextIOWrapper, int]) -> None:
    parent = Parent()
    said = SaidStream(Voice.STDOUT, parent, file[0])
    said.heard = True
    said.write("é\n".encode("latin-1"))
    assert parent.text.decode() == "é\n"


def test_while_nobody_listens_it_goes_where_it_always_went(file: tuple[io.TextIOWrapper, int]) -> None:
    """Before the first run, and from threads that outlive theirs."""
    parent = Parent()
    said = SaidStream(Voice.STDOUT, parent, file[0])
    said.write(b"nobody")
    assert os.read(file[1], 100) == b"nobody"
    said.heard = True
    said.write(b"half")
    said.forked()
    said.write(b"a copy\n")
    assert os.read(file[1], 100) == b"a copy\n"
    assert parent.heard == []


def test_without_a_stream_there_is_no_descriptor() -> None:
    said = SaidStream(Voice.STDOUT, Parent(), None)
    said.write(b"into the void\n")
    with pytest.raises(io.UnsupportedOperation):
        said.fileno()


def test_threads_tear_no_lines() -> None:
    parent = Parent()
    said = SaidStream(Voice.STDOUT, parent, None)
    said.heard = True

    def speak(letter: bytes) -> None:
        for _ in range(500):
            said.write(letter * 20 + b"\n")

    threads = [threading.Thread(target=speak, args=(bytes([65 + n]),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = parent.text.splitlines()
    assert len(lines) == 2000
    assert all(len(line) == 20 and len(set(line)) == 1 for line in lines)
