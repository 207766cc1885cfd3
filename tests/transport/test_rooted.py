"""Functions sent by value that share their module's globals where they arrive."""

from __future__ import annotations

import pickle
import subprocess
import sys

PROGRAM = """
import pickle, sys
from weft._transport.rooted import dumps_rooted
VALUE, TABLE = None, {}
def helper(): return "old"
def begin(value):
    global VALUE
    VALUE = value
    TABLE["key"] = value
def use(): return VALUE, TABLE, helper()
sent = [dumps_rooted(begin), dumps_rooted(use)]
def helper(): return "new"
TABLE["key"] = "the parent's"
sent.append(dumps_rooted(use))
sys.stdout.buffer.write(pickle.dumps(sent))
"""


def test_what_an_initializer_sets_is_there_for_the_functions_that_follow():
    """By rebinding a global or by changing what it refers to; a function that was written anew is the new one."""
    program = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    begin, use, again = pickle.loads(program.stdout)
    pickle.loads(begin)(7)
    assert pickle.loads(use)() == (7, {"key": 7}, "old")
    assert pickle.loads(again)() == (7, {"key": 7}, "new")
