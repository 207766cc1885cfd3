"""CPython's tests of pools, by fork."""

from pools import put_together

put_together(globals(), "fork")
