"""Reads the places of the distance matrix, computes a row of it, and writes it; for distance*.py."""

from __future__ import annotations

import csv
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import IO, List, NamedTuple, Sequence

DATA = Path(__file__).resolve().parent.parent / "data"
RADIUS = 6371.0088  # the Earth's in the mean, in kilometres

Row = List[float]


class Place(NamedTuple):
    name: str
    latitude: float  # degrees, north and east positive
    longitude: float


def read_places(size: str) -> List[Place]:
    """Those of locations_SIZE.csv, which has a line of headings."""
    with open(DATA / f"locations_{size}.csv", newline="", encoding="utf-8") as file:
        return [Place(row["name"], float(row["latitude"]), float(row["longitude"])) for row in csv.DictReader(file)]


def distance(a: Place, b: Place) -> float:
    """The way from one place to another on a sphere, by the haversine formula."""
    north = sin(radians(b.latitude - a.latitude) / 2)
    east = sin(radians(b.longitude - a.longitude) / 2)
    h = north * north + cos(radians(a.latitude)) * cos(radians(b.latitude)) * east * east
    return 2 * RADIUS * asin(sqrt(min(1.0, h)))


class Calculator:
    """One calculation: from one place to each. An object, as a closure over the places would not go to a process."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places

    def __call__(self, start: int) -> Row:
        return [distance(self._places[start], place) for place in self._places]


def write_headings(file: IO[str], places: Sequence[Place]) -> None:
    file.write("".join(f",{place.name}" for place in places) + "\n")


def write_row(file: IO[str], place: Place, row: Row) -> None:
    file.write(place.name + "".join(f",{km:.3f}" for km in row) + "\n")


def write_matrix(path: Path, places: Sequence[Place], matrix: Sequence[Row]) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        write_headings(file, places)
        for place, row in zip(places, matrix):
            write_row(file, place, row)
