"""Work that makes work: a site is crawled, each page once, and eight queens are placed by branching."""

import asyncio

import weft


async def crawl(page, more):
    """Fetch a page of a site of a thousand, and go where it leads."""
    await asyncio.sleep(0.005)
    links = [(page * 7 + n) % 1000 for n in range(5)]
    for link in links:
        more(link)
    return len(links)


def place(queens, more):
    """Place one more queen in each column where no other can take it; 1 if all are placed."""
    row = len(queens)
    if row == 8:
        return 1
    for column in range(8):
        if all(column != other and row - at != abs(column - other) for at, other in enumerate(queens)):
            more((*queens, column))
    return 0


links = weft.worklist(crawl, [1], key=int, max_workers=50).results()
print(f"{len(links):,} pages visited, {sum(links):,} links followed")
assert len(links) == 1000

run = weft.worklist(place, [()], on="process")
print(f"{sum(run)} ways to place eight queens, {run.stats.done:,} positions looked at")
