"""Locks on files, against other processes and other opens in this one. Released when the file is closed.

Where the system has no such locks, as on Windows, every attempt succeeds.
"""

import sys

__all__ = ["lock", "try_lock"]

if sys.platform == "win32":

    def lock(fd: int) -> None:
        """Wait for the lock."""

    def try_lock(fd: int) -> bool:
        """Take the lock if nobody has it; return whether that is so."""
        return True

else:
    import fcntl

    def lock(fd: int) -> None:
        """Wait for the lock."""
        fcntl.flock(fd, fcntl.LOCK_EX)

    def try_lock(fd: int) -> bool:
        """Take the lock if nobody has it; return whether that is so."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
