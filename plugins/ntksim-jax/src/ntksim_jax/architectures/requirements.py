"""Libraries that only some of the architectures need."""

from __future__ import annotations

from importlib.util import find_spec


def require(architecture: str, library: str) -> None:
    """Refuse an architecture whose library is not installed.

    Raises
    ------
    ValueError
        Saying how to install it.
    """
    if find_spec(library) is None:
        raise ValueError(
            f"'{architecture}' needs {library}, which is not installed; "
            f"pip install 'ntksim-jax[{library}]'"
        )
