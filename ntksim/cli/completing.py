"""What the shell completes beside commands and files: names that a store or plugins have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

Completer = Callable[[click.Context, click.Parameter, str], list[str]]

_MOST_VALUES = 12
"""Values of an axis of which more are offered only once the axis is written."""


def kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return kinds of pictures, and the variables of the store on the command line."""
    del param
    try:
        from ntksim.plot import KINDS, stored_variables

        found = [kind.name for kind in KINDS]
        if (store := _store(ctx)) is not None:
            found += stored_variables(str(store))
    except Exception:  # noqa: BLE001 - in the middle of a line nothing can be said
        return []
    return _beginning(found, incomplete)


def selections(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return ``axis=value`` of the axes of the store on the command line, and further values."""
    del param
    store = _store(ctx)
    if store is None:
        return []
    try:
        axes = _axes(store)
    except Exception:  # noqa: BLE001 - in the middle of a line nothing can be said
        return []
    axis, equals, values = incomplete.partition("=")
    if not equals:
        every = (f"{a}={v}" for a, own in axes.items() for v in own[:_MOST_VALUES])
        return _beginning(every, incomplete)
    written = values.rpartition(",")[0].split(",") if "," in values else []
    begun = f"{axis}={''.join(f'{value},' for value in written)}"
    left = (value for value in axes.get(axis, ()) if value not in written)
    return _beginning((begun + value for value in left), incomplete)


def plugin_names(kind: str | None = None) -> Completer:
    """Return what completes names of plugins, of one kind or of all."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        del ctx, param
        try:
            from ntksim.registry import Registry

            offers = Registry.load().offers
        except Exception:  # noqa: BLE001 - in the middle of a line nothing can be said
            return []
        return _beginning((o.cls.name for o in offers if kind in (None, o.kind)), incomplete)

    return complete


def _store(ctx: click.Context) -> Path | None:
    # An option without its value, which is being completed, leaves the arguments unparsed.
    given = (ctx.params.get("store"), *ctx.args)
    return next((Path(word) for word in given if word and Path(word).is_dir()), None)


def _axes(store: Path) -> dict[str, list[str]]:
    """Return the values of every axis of a store, as ``--select`` takes them."""
    from ntksim.plot.grid import written
    from ntksim.store import open_results

    found: dict[str, list[str]] = {}
    with open_results(store) as tree:
        for node in tree.subtree:
            data = node.to_dataset(inherit=False)
            for name in data.dims:
                if name in data.coords:
                    values = [written(value) for value in data[name].values.tolist()]
                    found[str(name)] = list(dict.fromkeys([*found.get(str(name), []), *values]))
    return found


def _beginning(found: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in found if name.startswith(incomplete)}, key=str)


class Bash(BashComplete):
    """Bash takes ``width=64`` for three words and completes the last; here they are one."""

    _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is completed, and that one."""
        args, incomplete = super().get_completion_args()
        words = [*args, incomplete]
        for at in range(len(words) - 2, 0, -1):
            if words[at] == "=":
                joined = words[at - 1 : at + 2]
                # A long option and its value are two words to click.
                is_option = joined[0].startswith("-")
                words[at - 1 : at + 2] = [joined[0], joined[2]] if is_option else ["".join(joined)]
        if len(words) > 1 and words[-1] == "=" and not words[-2].startswith("-"):
            words[-2:] = [f"{words[-2]}="]
        if "=" in words[-1] and not words[-1].startswith("-"):
            self._before = f"{words[-1].partition('=')[0]}="
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """Return what stands in place of the word that Bash completes."""
        value = str(item.value).removeprefix(self._before).replace(" ", "\\ ")
        return f"{item.type},{value}"


def register() -> None:
    """Let click complete as above."""
    add_completion_class(Bash)
