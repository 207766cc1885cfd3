"""A function for the command line, which knows nothing of weft.

    weft map examples/wordcount.py:count --glob 'docs/**/*.md'
    weft map examples/wordcount.py:count --glob 'docs/**/*.md' --bare --on thread

Run as a program it counts its own words, by the same command line.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path


def count(path):
    """How many words a text has, and its three commonest long ones."""
    words = re.findall(r"[a-z]+", Path(path).read_text(encoding="utf-8").lower())
    return {
        "words": len(words),
        "common": dict(Counter(word for word in words if len(word) > 5).most_common(3)),
    }


if __name__ == "__main__":
    command = [sys.executable, "-m", "weft", "map", f"{__file__}:count", __file__, "--bare"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(answer, end="")
    assert '"words": ' in answer
