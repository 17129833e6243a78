"""Command line: ``python -m benchmarks [targets…] [--quick] [--output FILE]`` and ``compare``."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.comparison import Target
from benchmarks.measure import load, machine, measure
from benchmarks.tables import compared, rendered, replace_table

FOLDER = Path(__file__).parent
RESULTS, README = FOLDER / "results", FOLDER / "README.md"
FRAME = {"__init__", "__main__", "ceilings", "comparison", "environments", "measure", "tables"}
FRAME |= {"worker"}


def targets() -> list[str]:
    """Names of all modules that declare comparisons."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in FRAME)


def main(arguments: list[str] | None = None) -> int:
    """Measure targets, or compare two files of results."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["compare"]:
        return compare(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", help=f"what to measure, of {', '.join(targets())}; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: seconds, not an hour")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="only comparisons whose name contains this, or one of these if given again",
    )
    parser.add_argument(
        "--output", type=Path, help="folder for results, one JSON file a target; none by default"
    )
    parser.add_argument(
        "--commit-results",
        action="store_true",
        help="write benchmarks/results and the table in benchmarks/README.md",
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.targets) - set(targets()))
    if unknown:
        parser.error(f"unknown target {', '.join(unknown)}; there are {', '.join(targets())}")
    output = RESULTS if options.commit_results else options.output
    for name in options.targets or targets():
        found = measure_target(name, quick=options.quick, only=options.only)
        sys.stdout.write(rendered(found) + "\n")
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
            (output / f"{name}.json").write_text(text, encoding="utf-8")
    if options.commit_results:
        tables = [rendered(read(path)) for path in sorted(RESULTS.glob("*.json"))]
        replace_table(README, "\n".join(tables))
    return 0


def measure_target(name: str, *, quick: bool, only: Sequence[str] = ()) -> dict[str, Any]:
    """Measure all comparisons of a target, or those whose name contains one of some texts."""
    module = importlib.import_module(f"benchmarks.{name}")
    target = cast(Target, module)
    about = machine()  # before, so that the load is what others cause
    found = [
        measure(comparison, _note)
        for comparison in target.comparisons(quick=quick)
        if not only or any(text in comparison.name for text in only)
    ]
    title = (module.__doc__ or name).strip().splitlines()[0].rstrip(".")
    run = {"target": name, "title": title, "quick": quick, "only": list(only), "machine": about}
    return {**run, "load_after": load(), "comparisons": found}


def _note(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


def compare(arguments: list[str]) -> int:
    """Show how ratios changed between two files; 1 if one got worse by more than its spread."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks compare")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args(arguments)
    text, worse = compared(read(options.before), read(options.after))
    sys.stdout.write(text + "\n")
    return int(worse)


def read(path: Path) -> dict[str, Any]:
    """Read one target's results."""
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
