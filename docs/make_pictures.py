"""Draws the pictures of ``figures.md`` from the stores of the studies.

    python docs/make_pictures.py                     # all of them
    python docs/make_pictures.py figure5 catapult    # some

Stores are looked for in the current folder, where ``ntksim run`` puts them; a study whose store is
missing is run first. Every picture is what ``ntksim plot`` draws of the
store, with the selection that stands beside it in ``PICTURES``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ntksim import plot, run

DOCS = Path(__file__).resolve().parent
STUDIES = DOCS.parent / "studies"
PICTURES_FOLDER = DOCS / "pictures"
DPI = 90


@dataclass(frozen=True)
class Picture:
    """A picture of a study: what ``ntksim plot STUDY.zarr`` draws, narrowed by ``select``."""

    study: str
    select: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that draws it."""
        options = [f"--select '{axis}={value}'" for axis, value in self.select.items()]
        return " ".join(["ntksim plot", f"{self.study}.zarr", *options])


PICTURES: Mapping[str, Picture] = {
    **{f"figure{i}": Picture(f"figure{i}") for i in range(1, 7)},
    "figure7": Picture(
        "figure7", {"dataset": "three_points", "architecture": "unit variance,read-out only"}
    ),
    "convergence_proofs": Picture("convergence_proofs"),
    "laziness": Picture("laziness"),
    "catapult": Picture("catapult"),
    "conditioning": Picture("conditioning"),
    "exact_spectra": Picture("exact_spectra"),
    "learning_curves": Picture("learning_curves"),
    "ensemble": Picture("ensemble"),
}


def store_of(study: str, stores: Path) -> Path:
    """Return the store of a study, which is run if it has none."""
    store = stores / f"{study}.zarr"
    if not store.exists():
        stores.mkdir(parents=True, exist_ok=True)
        summary = run(STUDIES / f"{study}.yaml", store=store)
        if not summary.is_complete:
            raise SystemExit(f"{study} is not complete: {dict(summary.counts)}")
    return store


def make(names: Sequence[str], stores: Path, output: Path) -> list[Path]:
    """Draw pictures, and return where they are."""
    output.mkdir(parents=True, exist_ok=True)
    made = []
    for name in names:
        picture = PICTURES[name]
        figure = plot.figure(store_of(picture.study, stores), select=picture.select)
        made.append(output / f"{name}.png")
        plot.save(figure, made[-1], dpi=DPI)
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and draw."""
    parser = argparse.ArgumentParser(description="Draws the pictures of figures.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(PICTURES)}; or all")
    parser.add_argument("--stores", type=Path, default=Path(), help="folder of the stores")
    parser.add_argument("--output", type=Path, default=PICTURES_FOLDER, help="folder to write to")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in PICTURES]
    if unknown:
        parser.error(f"there is no picture '{unknown[0]}'; there are {', '.join(PICTURES)}")
    for path in make(given.names or list(PICTURES), given.stores, given.output):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
