"""What the programs on distances, futures and the load of CPUs print, write and draw."""

from __future__ import annotations

import math
import os
import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import pytest
from runs import DATA, EXECUTORS, SVG, build, in_both_modes, leaving_nothing, results, tiny

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Compile, Run


@pytest.fixture(name="run", scope="module")
def run_leaving_nothing(run: Run) -> Run:
    return leaving_nothing(run)


def kilometres(a: list[str], b: list[str]) -> float:
    """The way between two lines of locations, by the haversine formula once more."""
    north, east, other_north, other_east = (math.radians(float(degrees)) for degrees in (*a[1:], *b[1:]))
    h = math.sin((other_north - north) / 2) ** 2
    h += math.cos(north) * math.cos(other_north) * math.sin((other_east - east) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(h, 1)))


@pytest.mark.parametrize(("size", "count"), [("few", 5), ("many", 418)])
def test_all_executors_write_the_same_distances(cc: Compile, run: Run, tmp_path: Path, size: str, count: int) -> None:
    output = tiny(cc, run, "distance", "--out", str(tmp_path))
    executors = re.findall(rf"^{count} places, (\w+): ", output, re.MULTILINE)
    assert executors == EXECUTORS
    files = [(tmp_path / f"distances_{size}_{executor}.csv").read_bytes() for executor in executors]
    assert set(files) == {files[0]}
    lines = (DATA / f"locations_{size}.csv").read_text(encoding="utf-8").splitlines()
    places = [line.split(",") for line in lines[1:]]
    matrix = [line.split(",") for line in files[0].decode().splitlines()]
    assert [row[0] for row in matrix] == ["", *(place[0] for place in places)] == matrix[0]
    for place, row in zip(places, matrix[1:]):
        assert all(abs(kilometres(place, other) - float(km)) < 0.001 for other, km in zip(places, row[1:]))


def test_an_executor_is_chosen_by_name(cc: Compile, run: Run, tmp_path: Path) -> None:
    for executor in EXECUTORS[1:]:
        output = tiny(cc, run, "distance", "--executor", executor, "--out", str(tmp_path))
        assert [result["name"] for result in results(output)] == [
            f"distance_{size}_{executor}" for size in ("few", "many")
        ]
    assert run(build(cc, "distance"), "--executor", "nobody", "--out", str(tmp_path)).returncode == 2
    assert run(build(cc, "distance"), "--data", str(tmp_path), "--out", str(tmp_path)).returncode == 1


@in_both_modes
def test_the_sweep_is_drawn(cc: Compile, run: Run, tmp_path: Path, mode: str) -> None:
    picture = tmp_path / "sweep.svg"
    arguments = ["--mode", mode, "--workers", "5", "--svg", str(picture)]
    output = tiny(cc, run, "distance_sweep", *arguments)
    assert re.findall(r"^ +(\d) workers: ", output, re.MULTILINE) == ["1", "2", "4"]
    root = ElementTree.parse(picture).getroot()
    points = [(float(at.get("cx", "")), float(at.get("cy", ""))) for at in root.iter(f"{SVG}circle")]
    assert len(points) == 6
    assert all(80 <= x <= 770 and 80 <= y <= 420 for x, y in points)
    assert f"The distance matrix on pools of {mode}" in ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_the_load_of_each_cpu_is_drawn(cc: Compile, run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "load.svg"
    output = tiny(cc, run, "cpu_load", "--svg", str(picture))
    cpus = sorted(os.sched_getaffinity(0))
    phases = ["one after the other", "threads", "processes"]
    for phase in ["before", *phases]:
        line = re.search(rf"^{phase} (.*)$", output, re.MULTILINE)
        assert line
        assert re.findall(r"CPU (\d+): +\d+ %, +-?\d+ % by others", line[1]) == [str(cpu) for cpu in cpus]
    root = ElementTree.parse(picture).getroot()
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {*phases, *(f"CPU {cpu}" for cpu in cpus)} <= set(texts)
    assert [path.get("class") for path in root.iter(f"{SVG}path")] == ["load", "own"] * len(cpus)


@in_both_modes
def test_good_and_bad_luck_are_as_thrown(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "bad_luck", "--mode", mode)
    lucky = re.findall(r"^(\d) squared is (\d+), says process \d+$", output, re.MULTILINE)
    unlucky = re.findall(r"^(\d) failed: Bad luck!$", output, re.MULTILINE)
    assert all(int(number) ** 2 == int(square) for number, square in lucky)
    assert sorted([*(number for number, _ in lucky), *unlucky]) == sorted(2 * "0123456789")
    assert lucky
    assert unlucky


@in_both_modes
def test_pages_are_fetched_and_one_is_missing(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "fetch_all", "--mode", mode)
    for page in (1, 2, 3, 4, 6, 7, 8):
        assert output.count(f"/{page}: {page} lines, {17 * page} bytes") == 2
    assert output.count("/missing: no such page") == 2


@in_both_modes
def test_progress_is_read_while_the_task_runs(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "background", "--mode", mode)
    read = [int(done) for done in re.findall(r"^(\d+) of 1000000$", output, re.MULTILINE)]
    assert len(read) == 5
    assert read == sorted(set(read))
    assert "it ended: asked to stop" in output


@in_both_modes
def test_waits_overlap_in_one_thread(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "coroutines", "--mode", mode)
    steps = re.findall(r"^coroutine (\d) (waits|goes on)", output, re.MULTILINE)
    assert [step for _, step in steps] == ["waits"] * 3 + ["goes on"] * 3
    assert sorted(number for number, step in steps if step == "goes on") == ["0", "1", "2"]


@in_both_modes
def test_generators_take_turns(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "round_robin", "--mode", mode)
    lines = [line for line in output.splitlines() if line.startswith("squares 1")]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert lines[0].startswith("squares 1, countdown 5, fibonacci 1, squares 4, countdown 4, fibonacci 1, squares 9")
