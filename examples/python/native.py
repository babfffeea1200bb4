"""Beyond the course: a native function over an array, on threads that the interpreter lock does not hold up, and in
processes. Its source is below; a library that is there already is used the same way."""

import ctypes
import shutil
import subprocess
import sys
import tempfile
from array import array
from pathlib import Path
from typing import Any

from course import OURS, PROCESSES, THREADS, Course, cpus, sum_by_formula

SOURCE = """
#include <stdint.h>

int64_t sum_all_values(int64_t x) {
  const volatile int64_t step = 1; /* so that the compiler does not turn the loop into a formula */
  int64_t sum = 0;
  for (int64_t i = 1; i <= x; i += step) sum += i;
  return sum;
}

int32_t sum_task(const void *arg, void *result, void *task) {
  (void)task;
  *(int64_t *)result = sum_all_values(*(const int64_t *)arg);
  return 0;
}
"""

COUNT = 100

library: Any


def sum_all_values(x: int) -> int:
    """What the standard library's pools can call: a Python function around the native one, for each item."""
    return int(library.sum_all_values(x))


def load(folder: Path) -> Any:
    source, compiled = folder / "sums.c", folder / "libsums.so"
    source.write_text(SOURCE, encoding="ascii")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", str(source), "-o", str(compiled)], check=True)
    loaded = ctypes.CDLL(str(compiled))
    loaded.sum_all_values.argtypes, loaded.sum_all_values.restype = [ctypes.c_int64], ctypes.c_int64
    return loaded


def main() -> int:
    global library
    course = Course("native", workers=4, modes=(THREADS, PROCESSES))
    if shutil.which("cc") is None:
        sys.exit("a C compiler, cc, is needed for the native function")
    first = course.size(10_000, 3_000_000, 100_000_000)
    numbers = array("q", range(first, first + COUNT))
    with tempfile.TemporaryDirectory() as folder:
        library = load(Path(folder))
        log = course.log()
        log.start("sequential, start")
        alone = [sum_all_values(x) for x in numbers]
        sequential = log.stop("sequential, end")

        for kind in course.kinds():
            log.start(f"map on {kind}, start")
            with kind.Pool(course.workers) as pool:
                if kind.by == OURS:
                    sums = array("q", bytes(8 * COUNT))
                    pool.map_native(library.sum_task, numbers, sums)
                else:
                    sums = array("q", pool.map(sum_all_values, numbers))
            parallel = log.stop("map, end")
            right = list(sums) == alone == [sum_by_formula(x) for x in numbers]
            course.check_timed(kind, right, sequential, parallel, min(course.workers, cpus()))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
