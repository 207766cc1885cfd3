"""Random inputs under random options, on every kind: each item comes to what it is said to, whatever the others do."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.acts import ACTS, FAILS, TIMEOUT, act, act_later

import weft

few = st.lists(st.sampled_from([*ACTS, *FAILS]), max_size=25)
some_late = st.lists(st.sampled_from(["plain", "long", "late"]), min_size=3, max_size=12)
many = st.lists(st.sampled_from(["plain", "plain", "short", "raises"]), min_size=100, max_size=300)
options = st.fixed_dictionaries(
    {"on_error": st.sampled_from(["keep", "skip"]), "timeout": st.sampled_from([None, TIMEOUT])},
    optional={
        "retries": st.just(1),
        "ordered": st.just(False),
        "chunksize": st.sampled_from([1, 7]),
        "buffersize": st.sampled_from([3, 20]),
        "max_workers": st.sampled_from([1, 2, 5]),
        "seed": st.just(1),
    },
)


def come_to(acts, asked):
    """What there is to be: numbers, and ``None`` for what fails."""
    late = "late" if asked["timeout"] else None
    found = [None if what in FAILS or what == late else number for number, what in enumerate(acts)]
    return found if asked["on_error"] == "keep" else [each for each in found if each is not None]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=few | some_late | many, asked=options, listed=st.booleans())
def test_every_item_comes_to_what_it_is(kind, acts, asked, listed):
    """None is lost, none comes twice, none is charged with what another did; and the run ends."""
    items = list(enumerate(acts))
    if len(acts) >= 100:
        asked = {**asked, "retries": 0}  # or each failure would take a tenth of a second
    run = weft.map(act_later if kind == "async" else act, items if listed else iter(items), on=kind, **asked)
    found = [None if isinstance(result, weft.Failure) else result for result in run]
    expected = come_to(acts, asked)
    if not asked.get("ordered", True):
        found, expected = (sorted(each, key=lambda n: -1 if n is None else n) for each in (found, expected))
    assert found == expected
