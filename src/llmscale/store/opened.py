"""Files that are read as they are named: for a pipe into which nobody writes nobody waits without end.

Source: POSIX: open (`O_NONBLOCK` on a FIFO), poll. Pipes that a shell made, in ``/dev/fd``, always have a writer.
"""

from __future__ import annotations

import errno
import os
import stat

#: Milliseconds that a pipe with a name has for its first byte.
PATIENCE = 1000
OF_A_SHELL = ("/dev/", "/proc/")


def opener(path: str, flags: int) -> int:
    """For the built-in ``open``.

    Raises:
        OSError: as ``os.open``, or it is a pipe that stays empty.
    """
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        if not path.startswith(OF_A_SHELL) and not _speaks(descriptor):
            os.close(descriptor)
            raise OSError(errno.EAGAIN, "nobody writes into this pipe", path)
        os.set_blocking(descriptor, True)
    return descriptor


def _speaks(descriptor: int) -> bool:
    from select import POLLIN, poll  # neither is there on Windows, nor are such pipes

    waiting = poll()
    waiting.register(descriptor, POLLIN)
    return bool(waiting.poll(PATIENCE))
