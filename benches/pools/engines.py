"""The engines: each pool in the way in which its own documentation uses it, behind one set of methods."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

Function = Callable[[Any], Any]


class Engine(ABC):
    """A pool of processes. begin() hands a task in, end() waits for what it gave."""

    # Rows that it cannot do, or only in a way that would not be what the row is about.
    without: tuple[str, ...] = ("Y4-shared",)
    # It maps as many times fewer items, so that the row does not take minutes.
    fewer: int = 1

    @abstractmethod
    def __init__(self, workers: int) -> None: ...

    @staticmethod
    @abstractmethod
    def prepare() -> None:
        """Imports what the pool needs, so that no row times that."""

    def apply(self, function: Function, item: Any) -> Any:
        return self.end(self.begin(function, item))

    def each(self, function: Function, items: Sequence[Any]) -> list[Any]:
        """A task for each item, handed in one by one, and then their results."""
        return [self.end(handle) for handle in [self.begin(function, item) for item in items]]

    @abstractmethod
    def begin(self, function: Function, item: Any) -> Any: ...

    @abstractmethod
    def end(self, handle: Any) -> Any: ...

    @abstractmethod
    def map(self, function: Function, items: Sequence[Any]) -> list[Any]: ...

    @abstractmethod
    def close(self) -> None:
        """Waits for the workers to end."""

    def shared(self, data: memoryview) -> Any:
        """The data in memory that tasks get and return without a copy."""
        raise NotImplementedError


class PoolEngine(Engine):
    """multiprocessing.Pool, and what has its methods."""

    without: tuple[str, ...] = ()

    pool: Any

    def apply(self, function: Function, item: Any) -> Any:
        return self.pool.apply(function, (item,))

    def begin(self, function: Function, item: Any) -> Any:
        return self.pool.apply_async(function, (item,))

    def end(self, handle: Any) -> Any:
        return handle.get()

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.pool.map(function, items))

    def close(self) -> None:
        self.pool.close()
        self.pool.join()


class Millpond(PoolEngine):
    def __init__(self, workers: int) -> None:
        import millpond

        self.pool = millpond.Pool(workers)

    @staticmethod
    def prepare() -> None:
        import millpond  # noqa: F401

    def shared(self, data: memoryview) -> Any:
        import millpond

        return millpond.shared_array(data)


class Multiprocessing(PoolEngine):
    def __init__(self, workers: int) -> None:
        import multiprocessing

        self.memory: Any = None
        self.pool = multiprocessing.Pool(workers)

    @staticmethod
    def prepare() -> None:
        import multiprocessing.pool
        import multiprocessing.shared_memory  # noqa: F401

    def shared(self, data: memoryview) -> Any:
        from multiprocessing.shared_memory import SharedMemory

        # Who makes it has to remove it; the workers attach to it by its name.
        self.memory = SharedMemory(create=True, size=len(data))
        self.memory.buf[: len(data)] = data
        return self.memory

    def close(self) -> None:
        super().close()
        if self.memory is not None:
            self.memory.unlink()


class Mpire(PoolEngine):
    without = ("Y4-shared",)
    fewer = 10

    def __init__(self, workers: int) -> None:
        import mpire

        self.pool = mpire.WorkerPool(n_jobs=workers)

    @staticmethod
    def prepare() -> None:
        import mpire  # noqa: F401

    def close(self) -> None:
        self.pool.stop_and_join()


class ExecutorEngine(Engine):
    """concurrent.futures.ProcessPoolExecutor, and what has its methods."""

    executor: Any

    def __init__(self, workers: int) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self.workers = workers
        self.executor = ProcessPoolExecutor(workers)

    @staticmethod
    def prepare() -> None:
        import concurrent.futures.process  # noqa: F401

    def begin(self, function: Function, item: Any) -> Any:
        return self.executor.submit(function, item)

    def end(self, handle: Any) -> Any:
        return handle.result()

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.executor.map(function, items, chunksize=chunk_of(items, self.workers)))

    def close(self) -> None:
        self.executor.shutdown()


class Loky(ExecutorEngine):
    def __init__(self, workers: int) -> None:
        import loky

        self.workers = workers
        self.executor = loky.ProcessPoolExecutor(workers)

    @staticmethod
    def prepare() -> None:
        import loky  # noqa: F401


class Deadpool(ExecutorEngine):
    # Its map makes a task of every item, whatever chunks it is asked for.
    without = ("Y3", "Y4-shared")

    def __init__(self, workers: int) -> None:
        import deadpool

        self.workers = workers
        self.executor = deadpool.Deadpool(max_workers=workers)

    @staticmethod
    def prepare() -> None:
        import deadpool

        # The module imports the class when somebody asks for it.
        assert deadpool.Deadpool


class Pebble(Engine):
    fewer = 10

    def __init__(self, workers: int) -> None:
        import pebble

        self.workers = workers
        self.pool = pebble.ProcessPool(max_workers=workers)

    @staticmethod
    def prepare() -> None:
        import pebble  # noqa: F401

    def begin(self, function: Function, item: Any) -> Any:
        return self.pool.schedule(function, args=(item,))

    def end(self, handle: Any) -> Any:
        return handle.result()

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.pool.map(function, items, chunksize=chunk_of(items, self.workers)).result())

    def close(self) -> None:
        self.pool.close()
        self.pool.join()


class Joblib(Engine):
    """It has no call for one task: whoever has several gives them all at once, and it makes batches of them."""

    fewer = 10

    def __init__(self, workers: int) -> None:
        import joblib

        self.delayed = joblib.delayed
        self.parallel = joblib.Parallel(n_jobs=workers)
        self.parallel.__enter__()

    @staticmethod
    def prepare() -> None:
        import joblib  # noqa: F401

    def begin(self, function: Function, item: Any) -> Any:
        return self.parallel([self.delayed(function)(item)])

    def end(self, handle: Any) -> Any:
        return handle[0]

    def each(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return self.map(function, items)

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.parallel(self.delayed(function)(item) for item in items))

    def close(self) -> None:
        """It keeps its workers for the next Parallel, unless they are asked to end."""
        from joblib.externals.loky import get_reusable_executor

        self.parallel.__exit__(None, None, None)
        get_reusable_executor().shutdown(wait=True)


ENGINES: dict[str, type[Engine]] = {
    "Millpond": Millpond,
    "mp.Pool": Multiprocessing,
    "ProcessPoolExecutor": ExecutorEngine,
    "loky": Loky,
    "pebble": Pebble,
    "mpire": Mpire,
    "joblib": Joblib,
    "deadpool": Deadpool,
}


def chunk_of(items: Sequence[Any], workers: int) -> int:
    """The size that multiprocessing.Pool chooses by itself, for those who must be told one."""
    return -(-len(items) // (workers * 4))


def make_findable(paths: Sequence[str], library: str) -> None:
    """Where the packages of the engine lie, for this process and for those that it starts anew."""
    sys.path[1:1] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
    if library:
        os.environ["MILLPOND_LIBRARY"] = library
