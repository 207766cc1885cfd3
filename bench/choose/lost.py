"""Does auto lose what functions change? Each of ``mutating/`` is run in a plain loop, and by auto.

    python -m bench.choose.lost

Every call computes for some milliseconds, so that processes would pay, and they are warm.
"""

from __future__ import annotations

from collections import Counter

from bench._side_by_side import goal, machine, parser

import weft

from . import mutating


def main() -> None:
    arguments = parser(__doc__, rounds=1)
    arguments.add_argument("--steps", type=int, default=120_000, help="turns of a loop in each call (%(default)s)")
    asked = arguments.parse_args()
    print(f"{machine()}; {len(mutating.CASES)} functions")
    mutating.STEPS[0] = asked.steps
    list(weft.map(abs, range(100), on="process", progress=False))  # those that are there begin sooner
    lost, kinds = 0, Counter[str]()
    for name, make in mutating.CASES.items():
        fn, items, look = make()
        for item in items:
            fn(item)
        wanted = look()
        fn, items, look = make()
        run = weft.map(fn, items, progress=False)
        run.results()
        kinds[run.explain().decisions[-1].plan.kind] += 1
        found = look()
        if found != wanted:
            lost += 1
            same = isinstance(found, list) and sorted(map(repr, found)) == sorted(map(repr, wanted))
            print(f"{'IN ANOTHER ORDER' if same else 'LOST'}: {name}, by {run.explain().headline}")
    print("auto chose: " + ", ".join(f"{kind} {count}×" for kind, count in kinds.items()))
    goal("functions whose changes were lost or in another order", lost, 0, "functions")


if __name__ == "__main__":
    main()
