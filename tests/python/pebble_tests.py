"""Runs pebble's own tests of pools on Millpond's: pebble_tests.py FOLDER MODULE executor|pool [--only TEST ...]

FOLDER holds the tests, as pebble's source package has them. Prints one line of JSON for each test: [name, outcome,
details].
"""

from __future__ import annotations

import argparse
import importlib
import sys

import pebble_shim
from outcomes import add_choices, run_chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("module")
    parser.add_argument("engine", choices=["executor", "pool"])
    add_choices(parser)
    options = parser.parse_args()

    pebble_shim.take_its_name(pebble_shim.OnExecutor if options.engine == "executor" else pebble_shim.OnPool)
    sys.path.insert(0, options.folder)
    module = importlib.import_module(options.module)
    run_chosen(module, options)


if __name__ == "__main__":
    main()
