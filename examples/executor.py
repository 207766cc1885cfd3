"""Workers that are yours: `on=` takes any `concurrent.futures.Executor`, and leaves it running.

With the standard library's ProcessPoolExecutor a program needs its main guard; with weft's own
processes (`on="process"`) it does not.
"""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import weft


def square(number):
    """A number times itself."""
    return number * number


def main():
    """The same call on two executors."""
    with ThreadPoolExecutor(4) as pool:
        run = weft.map(square, range(1000), on=pool)
        print("threads:  ", sum(run), "|", run.explain().headline)
        print("and again:", sum(weft.map(square, range(1000), on=pool, ordered=False)))
        print("it is still open:", pool.submit(square, 12).result())

    with ProcessPoolExecutor(2) as pool:
        run = weft.map(lambda number: number**3, range(1000), on=pool)  # a lambda, which the pool alone refuses
        cubes = run.results()
        print("processes:", sum(cubes), "|", run.explain().headline)
    assert cubes == [number**3 for number in range(1000)]


if __name__ == "__main__":
    main()
