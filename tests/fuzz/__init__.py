"""Mutated inputs, by the million: whatever comes in, what comes out is typed.

`python -m tests.fuzz` runs every target for a while and prints a table of inputs and outcomes. An input
that breaks a promise is kept in `tests/fuzz/found/`, and tried again by every later run.
"""
