"""Runs pebble's own tests of pools on Millpond's: pebble_tests.py FOLDER MODULE executor|pool [--only TEST ...]

FOLDER holds the tests, as pebble's source package has them. Prints one line of JSON for each test: [name, outcome,
details].
"""

from __future__ import annotations

import argparse
import importlib
import sys
import unittest
from collections.abc import Iterator

import pebble_shim
from outcomes import Lines


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("module")
    parser.add_argument("engine", choices=["executor", "pool"])
    parser.add_argument("--list", action="store_true", help="names the tests and runs none")
    parser.add_argument("--only", nargs="+", help="these tests, as CLASS.TEST")
    parser.add_argument("--without", nargs="+", default=[], help="all but these")
    options = parser.parse_args()

    pebble_shim.take_its_name(pebble_shim.OnExecutor if options.engine == "executor" else pebble_shim.OnPool)
    sys.path.insert(0, options.folder)
    module = importlib.import_module(options.module)
    chosen = unittest.TestSuite()
    for test in cases(unittest.defaultTestLoader.loadTestsFromModule(module)):
        name = ".".join(test.id().split(".")[-2:])
        if name in options.without or (options.only and name not in options.only):
            continue
        if options.list:
            print(name)
        else:
            chosen.addTest(test)
    chosen.run(Lines())


if __name__ == "__main__":
    main()
