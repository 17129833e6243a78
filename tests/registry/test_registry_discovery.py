"""Finding plugins: what is installed, what is broken, and what only looks like a plugin."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ntksim.registry import LocalPlugin, Registry, RegistryError
from ntksim.registry.offers import fault_of
from ntksim.types import Solver

# The header and the solver are those of the fixtures; each source below comes after the header.
from registry_sources import SOLVER


def reasons(registry: Registry) -> dict[str, str]:
    return {broken.origin.plugin: broken.reason for broken in registry.broken}


def test_what_ships_is_found_through_its_entry_point() -> None:
    registry = Registry.load()
    origins = {offer.origin.plugin: offer.origin for offer in registry.offers}
    assert origins["builtin"].distribution == "ntksim"
    assert origins["builtin"].version
    assert str(origins["builtin"]).startswith("plugin 'builtin' (ntksim ")


def test_options_of_what_ships_can_be_validated() -> None:
    # Loading does not look, which would take half a second.
    for offer in Registry.load().offers:
        assert fault_of(offer.kind, offer.cls) is None


def test_blocked_plugins_are_not_loaded(install: Callable[..., None]) -> None:
    install("ntksim-loud", "loud = loud_plugin", loud_plugin="raise RuntimeError('loaded')")
    registry = Registry.load(block=["builtin", "loud"])
    assert registry.offers == ()
    assert registry.broken == ()
    assert registry.blocked == {"builtin", "loud"}


def test_one_broken_plugin_stops_none_of_the_others(install: Callable[..., None]) -> None:
    install("ntksim-a", "a = a_plugin", a_plugin="import nothing_of_this_name")
    install("ntksim-b", "b = b_plugin", b_plugin=SOLVER)
    install("ntksim-c", "c = c_plugin", c_plugin="raise SystemExit('bye')")
    install("ntksim-d", "d = no_such_module")
    install("ntksim-e", "e = b_plugin:nothing")
    registry = Registry.load(block=["builtin"])
    assert [offer.qualified_name for offer in registry.offers] == ["b:steps"]
    found = reasons(registry)
    assert found["a"].startswith("ModuleNotFoundError: No module named 'nothing_of_this_name'")
    assert re.fullmatch(r"SystemExit: bye \(line \d+ of .*c_plugin\.py\)", found["c"])
    assert "no_such_module" in found["d"]
    assert found["e"].startswith("AttributeError")
    assert str(registry.broken[0].origin) == "plugin 'a' (ntksim-a 1.0)"


def test_a_missing_name_says_what_could_not_be_loaded(install: Callable[..., None]) -> None:
    install("ntksim-a", "a = a_plugin", a_plugin="import nothing_of_this_name")
    registry = Registry.load(block=["builtin"])
    with pytest.raises(RegistryError, match=r"there is no solver 'x'; there are none \(not loaded"):
        registry.offer("solver", "x")
    with pytest.raises(RegistryError, match=r"plugin 'a'.*nothing_of_this_name"):
        registry.offer("solver", "x")


def test_two_distributions_cannot_share_an_entry_point_name(install: Callable[..., None]) -> None:
    install("ntksim-one", "same = one_plugin", one_plugin=SOLVER)
    install("ntksim-two", "same = two_plugin", two_plugin=SOLVER)
    registry = Registry.load(block=["builtin"])
    assert registry.offers == ()
    assert [broken.origin.distribution for broken in registry.broken] == [
        "ntksim-one",
        "ntksim-two",
    ]
    assert "another distribution has an entry point of the same name" in registry.broken[0].reason


BROKEN = [
    ("def ntksim_solvers(): return []", "ntksim_solvers is not decorated with @hookimpl"),
    ("def ntksim_solver(): return []", "ntksim_solver is not decorated with @hookimpl"),
    ("@hookimpl\ndef ntksim_solver(): return []", "; did you mean 'ntksim_solvers'?"),
    ("@hookimpl\ndef ntksim_solvers(extra): return []", "extra"),
    ("@hookimpl\ndef ntksim_solvers(): return None", "ntksim_solvers returned None"),
    ("@hookimpl\ndef ntksim_solvers(): return 'Steps'", "it must return a list of classes"),
    ("@hookimpl\ndef ntksim_solvers(): 1 / 0", "division by zero (line "),
    ("@hookimpl\ndef ntksim_solvers(): return [3]", "must return classes; 3 is not one"),
    ("@hookimpl\ndef ntksim_solvers(): return [int]", "subclasses of Solver; int is not one"),
    (SOLVER.replace("Solver)", "Architecture)"), "subclasses of Solver; Steps is not one"),
    (SOLVER.replace("def evolve", "def evolves"), "Steps does not define evolve"),
    (SOLVER.replace('"steps"', '"Big Steps"'), "Steps.name is 'Big Steps'; it must match"),
    (SOLVER.replace('name: ClassVar[str] = "steps"', ""), "Steps.name is None"),
    (SOLVER.replace('"By steps."', ""), "Steps has no docstring"),
    (SOLVER.replace("(frozen=True)", ""), "must be decorated with @dataclass(frozen=True)"),
    (SOLVER.replace("@dataclass(frozen=True)", ""), "must be decorated with @dataclass"),
    (SOLVER.replace("rate: float", "label: float"), "an option named 'label', which is reserved"),
    (SOLVER.replace("rate: float", "rate: 'Unknown'"), "the options of Steps cannot be validated"),
    (SOLVER.replace("[Steps]", "[Steps, Steps]"), "offers solver 'steps' more than once"),
]


@pytest.mark.parametrize(("source", "words"), BROKEN)
def test_what_is_wrong_with_a_plugin_is_said(
    local: Callable[..., Registry], source: str, words: str
) -> None:
    registry = local(source)
    assert registry.offers == ()
    assert words in reasons(registry)["p0"]


def test_a_diagnostic_declares_its_variables(local: Callable[..., Registry]) -> None:
    source = """
@dataclass(frozen=True)
class Mine(Diagnostic):
    "Mine."
    name: ClassVar[str] = "mine"
    variables = VARIABLES
    def measure(self, cell): ...

@hookimpl
def ntksim_diagnostics():
    return [Mine]
"""
    for variables in ("None", "{'a b': VariableSpec((), 'a')}", "{'a': ('time',)}", "['a']"):
        registry = local(source.replace("VARIABLES", variables))
        assert "Mine.variables must map names to VariableSpec" in reasons(registry)["p0"]
    assert not local(source.replace("VARIABLES", "{'a': VariableSpec((), 'a')}")).broken


def test_a_class_can_be_marked_by_decorated_methods_of_a_plugin_object(
    install: Callable[..., None],
) -> None:
    source = SOLVER.replace("@hookimpl\ndef ntksim_solvers():\n    return [Steps]", "")
    source += (
        "class Plugin:\n    @hookimpl\n    def ntksim_solvers(self):\n        return [Steps]\n"
        "plugin = Plugin()\n"
    )
    install("ntksim-object", "thing = object_plugin:plugin", object_plugin=source)
    registry = Registry.load(block=["builtin"])
    assert [offer.qualified_name for offer in registry.offers] == ["thing:steps"]


def test_registries_do_not_know_of_each_other(local: Callable[..., Registry]) -> None:
    first = local(SOLVER)
    second = Registry.load(block=["builtin"])
    assert first.offer("solver", "steps")
    assert second.offers == ()


def test_a_local_plugin_needs_its_source_and_not_its_file(tmp_path: Path) -> None:
    from registry_sources import HEADER

    path = tmp_path / "gone.py"
    path.write_text(HEADER + SOLVER + DOCUMENTED, encoding="utf-8")
    plugin = LocalPlugin.read(path)
    path.unlink()
    registry = Registry.load([plugin], block=["builtin"])
    solver = registry.create(Solver, {"name": "steps", "count": 7})
    offer = registry.offer_of(solver)
    assert (offer.origin.plugin, offer.origin.sha256) == ("gone", plugin.sha256)
    assert str(offer.origin) == f"plugin file {path}"
    # Descriptions of options are read from the source, which is no longer in a file.
    from ntksim.registry.options import adapter

    schema = adapter(registry.offer("solver", "documented").cls).json_schema()
    assert schema["properties"]["gain"]["description"] == "How much."


DOCUMENTED = '''
@dataclass(frozen=True)
class Documented(Solver):
    "Has a documented option."
    name: ClassVar[str] = "documented"
    gain: float = 1.0
    """How much."""
    def evolve(self, problem, times): ...

@hookimpl
def ntksim_solvers():
    return [Steps, Documented]
'''


def test_the_same_source_gives_the_same_classes(local: Callable[..., Registry]) -> None:
    first, second = local(SOLVER), local(SOLVER)
    assert first.offer("solver", "steps").cls is second.offer("solver", "steps").cls
    changed = local(SOLVER + "# changed\n")
    assert changed.offer("solver", "steps").cls is not first.offer("solver", "steps").cls


def test_a_plugin_rebuilds_in_another_process(tmp_path: Path) -> None:
    from registry_sources import HEADER

    path = tmp_path / "mine.py"
    path.write_text(HEADER + SOLVER, encoding="utf-8")
    plugin = LocalPlugin.read(path)
    registry = Registry.load([plugin], block=["builtin"])
    reference = registry.reference(registry.create(Solver, {"name": "steps", "count": 7}))
    path.unlink()
    script = (
        "from ntksim.registry import LocalPlugin, Registry\nfrom ntksim.types import Solver\n"
        f"registry = Registry.load([LocalPlugin({str(path)!r}, {plugin.source!r})], ['builtin'])\n"
        f"print(registry.reference(registry.create(Solver, {reference!r})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == repr(reference), done.stderr
