"""The parts of bench.py: which rows there are, how programs get built and run, and how results are shown."""
