"""A progress bar in a notebook: the same drawing as in a terminal, as HTML in the cell's output.

rich draws live in notebooks only where ipywidgets is installed; an output that is updated in place needs nothing.
"""

from __future__ import annotations

import sys
from io import StringIO
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from rich.progress import Progress

EVERY: Final = 0.125  # seconds between two drawings
WIDTH: Final = 110  # characters
PLAIN: Final = "<pre style='margin:0;line-height:normal'>{code}</pre>"


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules and "IPython" in sys.modules and _shell() is not None


def _shell() -> object | None:
    shell = sys.modules["IPython"].get_ipython()
    return shell if hasattr(shell, "kernel") else None


class NotebookCanvas:
    """Shows a bar that is not live by itself.

    Args:
        bar: What to draw.
    """

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._handle: Any = None
        self._drawn = 0.0

    def start(self) -> None:
        """Show the bar in the output of the cell that runs."""
        from IPython.display import display

        self._handle = display(self._picture(), display_id=True)

    def refresh(self) -> None:
        """Draw it again, if the last time is a while ago."""
        if self._handle is not None and monotonic() - self._drawn > EVERY:
            self._redraw()

    def stop(self) -> None:
        """Draw it for the last time."""
        if self._handle is not None:
            self._redraw()

    def _redraw(self) -> None:
        self._drawn = monotonic()
        self._handle.update(self._picture())

    def _picture(self) -> object:
        from IPython.display import HTML
        from rich.console import Console

        console = Console(file=StringIO(), record=True, width=WIDTH, force_jupyter=False, force_terminal=True)
        console.print(self._bar)
        return HTML(console.export_html(code_format=PLAIN, inline_styles=True))
