"""`async for` over the results of pools."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import millpond

# Far beyond what anything here takes on a loaded machine.
LONG = 60


def square(number: int) -> int:
    if number == 13:
        raise LookupError("thirteen")
    return number * number


@pytest.fixture(params=["processes", "threads", "executor"])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "executor":
        with ThreadPoolExecutor(2) as executor, millpond.Pool(executor=executor) as made:
            yield made
    else:
        with millpond.Pool(2) if request.param == "processes" else millpond.ThreadPool(2) as made:
            yield made


async def collected(results: AsyncIterator[Any]) -> list[Any]:
    return [result async for result in results]


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


def test_results_come_in_order(pool: Any) -> None:
    expected = [n * n for n in range(10)]
    assert asyncio.run(collected(pool.imap_async(square, range(10)))) == expected
    assert asyncio.run(collected(pool.imap_async(square, range(10), window=1))) == expected
    assert asyncio.run(collected(pool.imap_async(square, iter(range(10)), window=3))) == expected
    assert asyncio.run(collected(pool.imap_async(square, []))) == []


def test_results_come_as_they_are_there(pool: Any) -> None:
    results = asyncio.run(collected(pool.imap_async(square, range(10), ordered=False)))
    assert sorted(results) == [n * n for n in range(10)]


def test_input_may_be_asynchronous(pool: Any) -> None:
    assert asyncio.run(collected(pool.imap_async(square, numbers(10)))) == [n * n for n in range(10)]


def test_the_order_is_that_of_the_end_if_so_wanted() -> None:
    gate = threading.Event()

    def first_is_slow(number: int) -> int:
        if not number:
            assert gate.wait(LONG)
        return number

    async def main() -> list[int]:
        seen = []
        async for number in threads.imap_async(first_is_slow, range(5), ordered=False):
            seen.append(number)
            if len(seen) == 4:
                gate.set()
        return seen

    with millpond.ThreadPool(2) as threads:
        assert asyncio.run(main()) == [1, 2, 3, 4, 0]


@pytest.mark.parametrize("ordered", [True, False])
def test_no_more_is_read_than_the_window(pool: Any, ordered: bool) -> None:
    read = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield 2

    async def main() -> None:
        taken = 0
        async for result in pool.imap_async(square, endless(), window=3, ordered=ordered):
            assert result == 4
            taken += 1
            assert len(read) <= taken + 3
            if taken == 10:
                break

    asyncio.run(main())


def test_errors_come_in_their_place(pool: Any) -> None:
    async def main() -> list[int]:
        seen = []
        with pytest.raises(LookupError, match="thirteen"):
            async for result in pool.imap_async(square, [1, 2, 13, 4]):
                seen.append(result)
        with pytest.raises(ValueError, match="window"):
            await collected(pool.imap_async(square, [1], window=0))
        return seen

    assert asyncio.run(main()) == [1, 4]


def test_the_loop_goes_on_meanwhile(pool: Any) -> None:
    async def count() -> int:
        for number in itertools.count():
            if finished:
                return number
            await asyncio.sleep(0)
        return 0

    async def work() -> None:
        assert await collected(pool.imap_async(square, [2] * 50, window=2)) == [4] * 50
        finished.append(True)

    async def main() -> int:
        counted, _ = await asyncio.gather(count(), work())
        return counted

    finished: list[bool] = []
    assert asyncio.run(main()) > 1


def test_leaving_early_cancels_what_waits() -> None:
    gate, called = threading.Event(), []

    def work(number: int) -> int:
        called.append(number)
        return number if number == 0 else int(gate.wait(LONG))

    async def main() -> None:
        results: Any = threads.imap_async(work, itertools.count(), window=10)
        async for result in results:
            assert result == 0
            break
        await results.aclose()
        gate.set()

    with millpond.ThreadPool(1) as threads:
        asyncio.run(main())
        threads.close()
        threads.join()
    assert len(called) <= 2
