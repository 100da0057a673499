"""One module a peer, all of the same shape (see ``shape.py``), each run in a virtual environment
of its own.
"""
