"""What plugins offer, with where it came from."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ntksim.hookspecs import KINDS
from ntksim.registry.options import fault_of_options, option_names
from ntksim.types import Plugin, VariableSpec

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {"name", "label", "kind"}


@dataclass(frozen=True)
class Origin:
    """Where a plugin came from.

    ``plugin`` is the name of its entry point, or of its file without ``.py``; ``sha256`` is that
    of the source of a local file, ``code`` that of the code of an installed plugin that does not
    come with ntksim.
    """

    plugin: str
    distribution: str
    version: str
    file: str
    sha256: str | None = None
    code: str = ""

    @property
    def comes_with_ntksim(self) -> bool:
        """Whether it is part of ntksim itself."""
        return self.distribution == "ntksim"

    @property
    def identity(self) -> str:
        """What stands for its code where results are identified.

        The digest of a local file; version and digest of an installed plugin. What comes with
        ntksim has none: when its numbers change, the version of ntksim's numerics does.
        """
        if self.sha256 is not None or self.comes_with_ntksim:
            return self.sha256 or ""
        return f"{self.version} {self.code}".strip()

    def __str__(self) -> str:
        source = f"{self.distribution} {self.version}".strip()
        return f"plugin '{self.plugin}' ({source})" if source else f"plugin file {self.file}"


@dataclass(frozen=True)
class Offer:
    """One class that a plugin offers."""

    kind: str
    cls: type[Plugin]
    origin: Origin

    @property
    def qualified_name(self) -> str:
        """``plugin:name``, which is never ambiguous."""
        return f"{self.origin.plugin}:{self.cls.name}"

    @property
    def options(self) -> tuple[str, ...]:
        """Names of its options."""
        return option_names(self.cls)

    @contextmanager
    def blamed(self, doing: str) -> Iterator[None]:
        """Add to an exception from inside which plugin raised it, and while doing what."""
        try:
            yield
        except Exception as error:
            error.add_note(
                f"raised by {self.kind} '{self.cls.name}' of {self.origin} while {doing}"
                f"{_elsewhere(error, self.cls)}"
            )
            raise


def _elsewhere(error: BaseException, cls: type[Plugin]) -> str:
    """Return in which line of another plugin an error was raised, or nothing if in none.

    A kernel calls the network of an architecture, which calls an activation: the fault is where
    the last of them is.
    """
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module == cls.__module__ or module.partition(".")[0] in {"ntksim", "ntksim_builtin"}:
            continue
        if any(
            isinstance(value, type) and issubclass(value, Plugin) and value.__module__ == module
            for value in frame.f_globals.copy().values()
        ):
            code = frame.f_code
            found = f", in line {line} of {code.co_filename}, {code.co_name}"
    return found


def fault_of(kind: str, cls: object, *, check_options: bool = True) -> str | None:
    """Say what keeps a class from being a plugin of a kind, or return ``None``.

    Making validators of options takes milliseconds a class; ``check_options`` asks for it.
    """
    base, hook = KINDS[kind]
    if not isinstance(cls, type):
        return f"{hook} must return classes; {cls!r} is not one"
    if not issubclass(cls, base):
        return f"{hook} must return subclasses of {base.__name__}; {cls.__name__} is not one"
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        return f"{cls.__name__} does not define {missing}"
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{cls.__name__}.name is {name!r}; it must match {_NAME.pattern}"
    if not _has_docstring(cls):
        return f"{cls.__name__} has no docstring; its first line is what users see"
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen or "__dataclass_fields__" not in vars(cls):
        return f"{cls.__name__} must be decorated with @dataclass(frozen=True)"
    reserved = _RESERVED & set(option_names(cls))
    if reserved:
        return f"{cls.__name__} has an option named '{sorted(reserved)[0]}', which is reserved"
    if kind == "diagnostic" and not _declares_variables(cls):
        return f"{cls.__name__}.variables must map names to VariableSpec"
    return fault_of_options(cls) if check_options else None


def _has_docstring(cls: type) -> bool:
    # A dataclass without one gets its signature as docstring; a subclass inherits another's.
    own = vars(cls).get("__doc__") or ""
    return bool(own.strip()) and not own.startswith(f"{cls.__name__}(")


def _declares_variables(cls: type) -> bool:
    variables = getattr(cls, "variables", None)
    return isinstance(variables, Mapping) and all(
        isinstance(name, str) and name.isidentifier() and isinstance(spec, VariableSpec)
        for name, spec in variables.items()
    )
