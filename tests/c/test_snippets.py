"""The snippets of the header's manual are compiled and run.

A snippet stands in a comment of the header, behind a line `Example:`, indented by four spaces more than the text. What
begins with `static` or `typedef` in its first column is put outside of functions; all else becomes the body of a
function that is given `pool`, a pool of two threads, and the array `in` of the numbers 1 to 5 with room for as many in
`out`.
`square` and `slow` are tasks from an int to an int. With `Example (processes):` the pool is one of processes. A snippet
says what must be true with assert(); comments in it begin with two slashes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

HEADER = Path(__file__).resolve().parent.parent.parent / "include" / "millpond.h"
OUTSIDE = re.compile(r"^(?:static|typedef)\b(?:[^\n]*;|.*?^\}[^\n]*)\n", re.DOTALL | re.MULTILINE)
PROGRAM = """
#undef NDEBUG
#include <millpond.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((unused)) static int32_t square(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int *)result = *(const int *)arg * *(const int *)arg;
  return 0;
}
__attribute__((unused)) static int32_t slow(const void *arg, void *result, pool_task_t *task) {
  usleep(20000);
  return square(arg, result, task);
}
OUTSIDE_FUNCTIONS
static void example(pool_t *pool) {
  int in[5] = {1, 2, 3, 4, 5}, out[5];
  (void)pool, (void)in, (void)out;
  INSIDE_FUNCTION
}
int main(void) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = MODE;
  options.workers = 2;
  pool_t *pool = NULL;
  if (pool_create_with(&options, &pool) != POOL_OK) return fprintf(stderr, "%s\\n", pool_last_error()), 1;
  example(pool);
  return pool_close_join(pool) == POOL_OK ? 0 : 1;
}
"""


class Snippet(NamedTuple):
    """One of the header's."""

    name: str
    mode: str
    code: str


def snippets() -> list[Snippet]:
    """All of them, each named after what its comment is about."""
    found = []
    text = HEADER.read_text()
    for comment in re.finditer(r"/\*\*\n(.*?)\*/\s*([^\n]*)", text, re.DOTALL):
        lines = [re.sub(r"^\s*\* ?", "", line) for line in comment[1].splitlines()]
        named = re.search(r"pool_\w+|POOL_\w+", comment[2])
        for number, line in enumerate(lines):
            head = re.fullmatch(r"\s*Example(?: \((processes)\))?:", line)
            if head is None:
                continue
            code = []
            for follower in lines[number + 1 :]:
                if follower.strip() and not follower.startswith("    "):
                    break
                code.append(follower[4:])
            mode = "POOL_PROCESSES" if head[1] else "POOL_THREADS"
            name = named[0] if named else f"at line {text[: comment.start()].count(chr(10)) + 1}"
            found.append(Snippet(name, mode, "\n".join(code) + "\n"))
    return found


@pytest.mark.parametrize("snippet", [pytest.param(one, id=f"{one.name}-{at}") for at, one in enumerate(snippets())])
def test_snippet(cc: Compile, run: Run, tmp_path: Path, snippet: Snippet) -> None:
    outside = "".join(match[0] for match in OUTSIDE.finditer(snippet.code))
    inside = OUTSIDE.sub("", snippet.code)
    program = PROGRAM.replace("OUTSIDE_FUNCTIONS", outside).replace("INSIDE_FUNCTION", inside)
    source = tmp_path / "snippet.c"
    source.write_text(program.replace("MODE", snippet.mode))
    flags = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-D_GNU_SOURCE")
    binary = cc(source, f"snippets/{snippet.name.replace(' ', '_')}", flags=flags)
    done = run(binary, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
