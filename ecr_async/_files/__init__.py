"""Files that are whole or not there, folders that are gone in the end, and locks on both.

Everything here blocks: use it off the event loop.
"""
