"""Exchanging two folders in one step, where the system can."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_LINUX_EXCHANGE = 2
_MACOS_SWAP = 2
_UNABLE = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors by which a system, or a file system, says that it cannot."""


def exchange(first: Path, second: Path) -> bool:
    """Let two paths change places at once, so that at any moment both are there.

    Returns
    -------
    bool
        False if this system cannot do it; then nothing has happened.

    Raises
    ------
    OSError
        If it can and fails.
    """
    function = _function()
    if function is None or function(os.fsencode(first), os.fsencode(second)) == 0:
        return function is not None
    number = ctypes.get_errno()
    if number in _UNABLE:
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))


@cache
def _function() -> Any:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            swap = library.renamex_np
            return lambda first, second: swap(first, second, _MACOS_SWAP)
        swap = library.renameat2
    except (OSError, AttributeError, TypeError):
        return None
    return lambda first, second: swap(_AT_FDCWD, first, _AT_FDCWD, second, _LINUX_EXCHANGE)
