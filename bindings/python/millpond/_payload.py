"""How calls and outcomes become bytes."""

from __future__ import annotations

import functools
import pickle

# Protocol 5 on all versions of Python that this package knows: 3.8 writes 4 if nothing is said.
dumps = functools.partial(pickle.dumps, protocol=5)
loads = pickle.loads
