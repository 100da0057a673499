"""Locks on files, against other processes and other opens in this one. Released when the file is closed.

Where there are no such locks, as on Windows and on some network file systems, every attempt succeeds.
"""

import errno
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
        _flock(fd, fcntl.LOCK_EX)

    def try_lock(fd: int) -> bool:
        """Take the lock if nobody has it; return whether that is so."""
        return _flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _flock(fd: int, operation: int) -> bool:
        try:
            fcntl.flock(fd, operation)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}:
                raise
        return True
