"""The rows in Python: one program, which is called with the name of the engine that shall do them."""
