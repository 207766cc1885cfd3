"""CPython's tests of pools, by spawn."""

from pools import put_together

put_together(globals(), "spawn")
