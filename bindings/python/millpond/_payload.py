"""How calls and outcomes become bytes, and what the bytes lend."""

from millpond._pickling import MainFunctions as MainFunctions
from millpond._pickling import Message as Message
from millpond._pickling import dumps as dumps
from millpond._pickling import loads as loads
