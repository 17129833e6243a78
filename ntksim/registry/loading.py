"""Finding plugins: installed ones by their entry points, local ones by their files."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import linecache
import sys
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from ntksim import hookspecs
from ntksim.hookspecs import KINDS, PROJECT
from ntksim.registry.code import code_digest
from ntksim.registry.errors import nearest
from ntksim.registry.offers import Offer, Origin, fault_of

ENTRY_POINT_GROUP = "ntksim"


@dataclass(frozen=True)
class LocalPlugin:
    """A plugin file that a study names, with its source, so that it can travel to a worker."""

    path: str
    source: str

    @classmethod
    def read(cls, path: Path) -> LocalPlugin:
        """Read the file.

        Raises
        ------
        OSError, UnicodeDecodeError
            If it cannot be read as UTF-8 text.
        """
        return cls(str(path), path.read_text(encoding="utf-8"))

    @property
    def sha256(self) -> str:
        """Digest of the source: the version of a local plugin."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    @property
    def name(self) -> str:
        """Name of the plugin: the file's name without ``.py``."""
        return Path(self.path).stem

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        return Origin(self.name, "", "", self.path, self.sha256)


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that could not be loaded, and why."""

    origin: Origin
    reason: str


def load_installed(block: Collection[str]) -> Iterator[list[Offer] | BrokenPlugin]:
    """Load the entry points one by one, so that one broken plugin stops none of the others."""
    entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    claims = Counter(entry_point.name for entry_point in entry_points)
    for entry_point in sorted(entry_points, key=lambda e: (e.name, e.value)):
        if entry_point.name in block:
            continue
        distribution = entry_point.dist
        origin = Origin(
            entry_point.name,
            distribution.name if distribution else "",
            distribution.version if distribution else "",
            entry_point.value,
        )
        if claims[entry_point.name] > 1:
            yield BrokenPlugin(origin, "another distribution has an entry point of the same name")
            continue
        yield _offers(origin, lambda entry=entry_point: entry.load())


def load_local(plugins: Iterable[LocalPlugin]) -> Iterator[list[Offer] | BrokenPlugin]:
    """Load the plugin files that a study names."""
    for plugin in plugins:
        yield _offers(plugin.origin, lambda plugin=plugin: _import(plugin))


def _import(plugin: LocalPlugin) -> ModuleType:
    name = f"_ntksim_local_{plugin.name}_{plugin.sha256[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = plugin.path
    # Without the file at hand (on a worker) tracebacks and docstrings of options still find lines.
    lines = plugin.source.splitlines(keepends=True)
    linecache.cache[plugin.path] = (len(plugin.source), None, lines, plugin.path)
    sys.modules[name] = module  # dataclasses look their own module up while they are made
    try:
        exec(compile(plugin.source, plugin.path, "exec"), module.__dict__)  # noqa: S102 - the user named this file
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _offers(origin: Origin, load: Any) -> list[Offer] | BrokenPlugin:
    try:
        module = load()
        file = getattr(module, "__file__", None) or origin.file
        is_foreign = origin.sha256 is None and not origin.comes_with_ntksim
        code = code_digest(origin.file.partition(":")[0].strip()) if is_foreign else ""
        origin = replace(origin, file=file, code=code)
        offers = list(_answers(module, origin))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module does
        return BrokenPlugin(origin, f"{type(error).__name__}: {error}{_place(error)}")
    # The options of what comes with ntksim are tested where it is made, and not at every start.
    check = not origin.comes_with_ntksim
    faults = [
        fault for offer in offers if (fault := fault_of(offer.kind, offer.cls, check_options=check))
    ]
    if faults:
        return BrokenPlugin(origin, "; ".join(faults))
    names = Counter((offer.kind, offer.cls.name) for offer in offers)
    twice = [f"{kind} '{name}'" for (kind, name), count in names.items() if count > 1]
    if twice:
        return BrokenPlugin(origin, f"it offers {', '.join(twice)} more than once")
    return offers


def _place(error: BaseException) -> str:
    """Return the line of the plugin that raised an error, or nothing if none of its own did."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in {"ntksim", "pluggy", "importlib", "_frozen_importlib"}:
            found = f" (line {line} of {frame.f_code.co_filename})"
    return found


def _answers(module: Any, origin: Origin) -> Iterator[Offer]:
    # A manager of its own for every plugin: a failed registration leaves a manager half-changed,
    # and asking its hook implementations one by one keeps who answered.
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=origin.plugin)
    hooks = {hook: kind for kind, (_, hook) in KINDS.items()}
    _refuse_unmarked(module, hooks)
    _refuse_unknown(module, hooks)
    manager.check_pending()
    for hook, kind in hooks.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            answer = implementation.function()
            if answer is None or isinstance(answer, str) or not isinstance(answer, Iterable):
                raise TypeError(f"{hook} returned {answer!r}; it must return a list of classes")
            for cls in answer:
                yield Offer(kind, cls, origin)


def _refuse_unmarked(module: Any, hooks: Collection[str]) -> None:
    for name, value in list(vars(module).items()):
        if not callable(value) or not name.startswith("ntksim_"):
            continue
        if not hasattr(value, f"{PROJECT}_impl") and (name in hooks or nearest(name, hooks)):
            raise TypeError(f"{name} is not decorated with @hookimpl")


def _refuse_unknown(module: Any, hooks: Collection[str]) -> None:
    for name, value in list(vars(module).items()):
        marks = getattr(value, f"{PROJECT}_impl", None)
        if not isinstance(marks, dict) or marks.get("optionalhook"):
            continue
        hook = marks.get("specname") or name
        if hook not in hooks:
            raise TypeError(
                f"there is no hook '{hook}'; there are {', '.join(sorted(hooks))}"
                f"{nearest(hook, hooks)}"
            )
