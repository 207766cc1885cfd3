"""What workloads need around them: a server, a folder, databases; and what is missing, in words."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import _waiting as waiting
from ._server import NoDatabase, database, serving
from ._sets import Place, Workload


@contextmanager
def stage(*, postgres: bool = True) -> Iterator[tuple[Place, str]]:
    """A place for workloads, and why there is no PostgreSQL, if there is none."""
    with ExitStack() as house:
        folder = house.enter_context(tempfile.TemporaryDirectory(prefix="weft-choose-"))
        server = house.enter_context(serving())
        sqlite = waiting.make_sqlite(str(Path(folder, "rows.sqlite")))
        where, why = "", "it was not asked for"
        if postgres:
            try:
                where, why = house.enter_context(database()), ""
            except NoDatabase as missing:
                why = str(missing)
        yield Place(server, folder, sqlite, where), why


def missing(workload: Workload, place: Place) -> str | None:
    """What the workload needs and there is not."""
    for need in workload.needs:
        if need == "postgres":
            if not place.postgres:
                return "PostgreSQL"
        elif importlib.util.find_spec(need) is None:
            return need
    return None
