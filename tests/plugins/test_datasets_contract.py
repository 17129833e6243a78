"""What holds for every source: options, labels, determinism, unknown test targets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ntksim import DataError, Dataset, DatasetSource
from pydantic import TypeAdapter, ValidationError

from ntksim_builtin.datasets import (
    DATASETS,
    Circle,
    Digits,
    File,
    LinearTeacher,
    LineFunction,
    Sphere,
    ThreePoints,
)

GENERATED = [kind for kind in DATASETS if kind is not File]


def from_json(kind: type[DatasetSource], **options: object) -> DatasetSource:
    return TypeAdapter(kind).validate_json(json.dumps(options), strict=True)


@pytest.mark.parametrize("kind", GENERATED)
def test_every_source_loads_with_its_defaults(kind: type[DatasetSource]) -> None:
    source = from_json(kind)
    data = source.load()
    assert len(data.x_test) > 0
    assert data.provenance["source"]
    assert source.located(Path("anywhere")) is source


@pytest.mark.parametrize("kind", DATASETS)
def test_every_option_is_described(kind: type[DatasetSource]) -> None:
    properties = TypeAdapter(kind).json_schema()["properties"]
    assert all(option.get("description") for option in properties.values()), properties
    assert kind.description().endswith(".")


def test_options_are_strict() -> None:
    with pytest.raises(ValidationError, match="valid integer"):
        from_json(Digits, train=True)
    with pytest.raises(ValidationError, match="greater than 0"):
        from_json(Circle, train=0)
    with pytest.raises(ValidationError, match="'harmonic', 'random_sign' or 'noise'"):
        from_json(Circle, targets="harmonics")
    with pytest.raises(ValidationError, match="nexpected keyword argument"):
        from_json(Circle, radius=2)
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        from_json(Sphere, dimension=1)
    with pytest.raises(ValidationError, match="finite number"):
        TypeAdapter(Circle).validate_json('{"noise": Infinity}', strict=True)
    assert from_json(File, path="a.npz", train=0.5) == File("a.npz", train=0.5)
    assert from_json(File, path="a.npz", train=5, shape=[8, 8]) == File(
        "a.npz", train=5, shape=(8, 8)
    )
    with pytest.raises(ValidationError):
        from_json(File, path="a.npz", train=1.5)


def test_labels_say_what_distinguishes() -> None:
    assert ThreePoints().label() == "three_points"
    assert ThreePoints(targets="part1").label() == "three_points-part1"
    assert Digits(classes=(3, 8)).label() == "digits-3-8"
    assert Digits(classes=(3, 8), train=400, test=100).label() == "digits-3-8-train400"
    assert Digits(labels="random", seed=2).label() == "digits-seed2-random"
    assert Digits(image=True).label() == "digits-image"
    assert Circle().label() == "circle-32"
    assert Circle(train=9, frequency=4).label() == "circle-9-frequency4"
    assert Sphere().label() == "sphere-dimension3-train100"
    assert LineFunction("cos", interval=(0.0, 2.0)).label() == "function-cos-interval0.0-2.0"
    assert File("data/some set.npz", train=0.5).label() == "some_set-train0.5"
    assert File("a.csv", targets="y", centre_targets=True).label() == "a-y-centre_targets"


SOURCES = [
    *(kind() for kind in GENERATED),
    Digits(labels="random"),
    Circle(spacing="uniform", noise=0.1),
    LinearTeacher(noise=1.0),
]


def test_the_same_options_give_the_same_bits_in_every_process() -> None:
    # Under another hash seed and with another number of threads than here.
    code = (
        "import json; from ntksim_builtin.datasets import *; "
        f"print(json.dumps([source.load().content_hash for source in {SOURCES}]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123", "OPENBLAS_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    there = json.loads(run.stdout)
    assert there == [source.load().content_hash for source in SOURCES]
    assert len(set(there)) == len(SOURCES)


def test_importing_the_sources_loads_no_heavy_library() -> None:
    code = (
        "import sys, ntksim_builtin.datasets; "
        "print([m for m in ('sklearn', 'xarray', 'zarr', 'dask', 'pandas') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_unknown_test_targets_are_all_nan() -> None:
    x, y = np.ones((2, 1)), np.ones((2, 1))
    unknown = Dataset(x, y, x, np.full((2, 1), np.nan), test_targets=False)
    known = Dataset(x, y, x, y)
    assert unknown.content_hash != known.content_hash
    # The hash does not depend on which of the many NaNs was there.
    payload = np.full((2, 1), np.nan).view(np.uint64) | np.uint64(1)
    other = Dataset(x, y, x, payload.view(np.float64), test_targets=False)
    assert other.content_hash == unknown.content_hash
    with pytest.raises(DataError, match="must be all NaN where test_targets is false"):
        Dataset(x, y, x, y, test_targets=False)
    with pytest.raises(DataError, match="y_test holds nan"):
        Dataset(x, y, x, np.full((2, 1), np.nan))
