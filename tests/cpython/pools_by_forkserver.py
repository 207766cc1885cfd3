"""CPython's tests of pools, by forkserver."""

from pools import put_together

put_together(globals(), "forkserver")
