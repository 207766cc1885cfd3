"""weft doctor: what this machine really offers."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .._engine import examine


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        allow_abbrev=False,
        help="what this machine offers to parallel work, and what to change",
        description="Processors really usable (affinity, cgroup quota), GIL, start methods, shared memory, limits.",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Run the command; its exit status."""
    report = examine()
    print(json.dumps(report.to_dict(), indent=2) if asked.json else report)
    return 0
