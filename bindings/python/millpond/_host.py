"""The program that makes pools, as its worker processes know it: loaded there with the library, before any fork."""

from __future__ import annotations

import os
import secrets

pid = os.getpid()
# What files begin with that the program and its workers make, and the program removes at its end.
prefix = f"millpond-{pid}-{secrets.token_hex(8)}-"
