"""joblib on Millpond: `import millpond.joblib`, and then it is a backend like others.

    import joblib, millpond.joblib

    with joblib.parallel_config("millpond", n_jobs=4):
        joblib.Parallel()(joblib.delayed(abs)(number) for number in range(-10, 10))

"millpond" runs in processes, "millpond_threads" in threads. Further options are those of
:class:`millpond.ProcessPoolExecutor`, such as `parallel_config("millpond", memory_limit=2**30)`.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import joblib
from joblib.parallel import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    register_parallel_backend,
)

from millpond.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor


class MillpondBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]
    """A backend on worker processes. They are made for each call of Parallel, or for all within `with Parallel()`."""

    supports_retrieve_callback = True
    uses_threads = False
    supports_sharedmem = False
    executor_class: Callable[..., Any] = ProcessPoolExecutor
    _workers: Any = None

    def effective_n_jobs(self, n_jobs: Optional[int]) -> int:
        """How many workers that means: -1 is all processors, -2 all but one."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        return max(joblib.cpu_count() + 1 + n_jobs, 1) if n_jobs < 0 else n_jobs

    def configure(
        self, n_jobs: int = 1, parallel: Any = None, prefer: Any = None, require: Any = None, **options: Any
    ) -> int:
        """Makes the executor, and says how many workers it has."""
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._n_jobs = n_jobs
        # Of joblib's own, which concern arrays that its processes map into memory.
        ours = {name: value for name, value in options.items() if name not in JOBLIBS}
        self._options = {**getattr(self, "backend_kwargs", {}), **ours}
        self._workers = self.executor_class(n_jobs, **self._options)
        return n_jobs

    def submit(self, func: Callable[[], Any], callback: Optional[Callable[[Any], object]] = None) -> Future[Any]:
        """Submits a batch."""
        future: Future[Any] = self._workers.submit(func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    # What versions before 1.5 call it.
    apply_async = submit

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """The results of a batch."""
        return out.result()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Kills what runs, if it can be killed, and throws away the rest."""
        workers, self._workers = self._workers, None
        if isinstance(workers, ProcessPoolExecutor):
            workers.kill_workers()
        elif workers is not None:
            workers.shutdown(wait=False, cancel_futures=True)
        if ensure_ready:
            self._workers = self.executor_class(self._n_jobs, **self._options)

    def terminate(self) -> None:
        """The end of a call of Parallel."""
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown(wait=False, cancel_futures=True)
        self.reset_batch_stats()


class MillpondThreadsBackend(MillpondBackend):
    """A backend on worker threads."""

    uses_threads = True
    supports_sharedmem = True
    executor_class = ThreadPoolExecutor


JOBLIBS = frozenset({"temp_folder", "max_nbytes", "mmap_mode", "verbose", "context", "context_id"})
register_parallel_backend("millpond", MillpondBackend)
register_parallel_backend("millpond_threads", MillpondThreadsBackend)
