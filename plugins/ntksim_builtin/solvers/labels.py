"""Short labels for solvers: coordinates of the results."""

from __future__ import annotations


def label(name: str, *options: tuple[str, float | str, float | str]) -> str:
    """Return ``name`` with what differs from the default, such as ``eigh-ridge-0.01``.

    ``options`` are (short name, value, default). Different values give different labels.
    """
    parts = [name]
    for short_name, value, default in options:
        if value != default:
            parts += [short_name, value if isinstance(value, str) else _number(value)]
    return "-".join(parts)


def _number(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
