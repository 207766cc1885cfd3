"""Does a program stand it when its workers die? `weft.testing.chaos` kills some of them, to find out."""

import os
import tempfile
from functools import partial
from pathlib import Path

import weft
import weft.testing


def write_invoice(folder, number):
    """A file that is there as a whole or not at all, and that may be written twice: this one stands it."""
    draft = folder / f"{number}.{os.getpid()}.draft"
    draft.write_text(f"Invoice {number}\n" * 20)
    draft.rename(folder / f"{number}.txt")
    return number


def number_invoice(book, number):
    """A line at the end of a book: written twice if the worker dies just after it. This one does not stand it."""
    with book.open("a") as file:
        file.write(f"{number}\n")


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    with weft.testing.chaos(kill=0.05, slow=0.05, delay=0.01, seed=11) as storm:
        done = weft.map(partial(write_invoice, folder), range(200), on="process").results()
    written = {path.name: path.read_text() for path in folder.glob("*.txt")}
    assert done == list(range(200))
    assert written == {f"{number}.txt": f"Invoice {number}\n" * 20 for number in done}
    print(
        f"{len(written)} invoices, {storm.kills} dead workers, {storm.delays} late calls: "
        "every invoice is there, whole and once"
    )

    # The same seed: the same items are hit.
    book = folder / "book"
    with weft.testing.chaos(kill=0.05, slow=0.05, delay=0.01, seed=11) as again:
        weft.map(partial(number_invoice, book), range(200), on="process").results()
    assert again.kills == storm.kills
    lines = book.read_text().split()
    print(f"{len(lines)} lines for {len(set(lines))} invoices: who appends to a book should do it in the loop")
    assert len(lines) > len(set(lines))
