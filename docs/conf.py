"""How the site is built: sphinx-build -W --keep-going -b html docs docs/_build/html."""

import os
import subprocess
import sys
from pathlib import Path

import weft

project = "weft"
author = project_copyright = "The weft developers"
release = version = weft.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"weft {release}"

myst_heading_anchors = 3
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes in their class's own words, not as entries beside it
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # a TypedDict of keywords reads better as the table in the docstring


def write_help(command: str) -> None:
    """Keep what ``weft COMMAND --help`` says where the page on the command line includes it."""
    folder = Path(__file__).parent / "reference" / "_generated"
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "COLUMNS": "90", "NO_COLOR": "1"}
    said = subprocess.run(
        [sys.executable, "-m", "weft", command, "--help"], env=environment, check=True, capture_output=True, text=True
    )
    (folder / f"{command}.txt").write_text(said.stdout, encoding="utf-8")


for command in ("map", "advise", "doctor"):
    write_help(command)
