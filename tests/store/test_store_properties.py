"""Any plan with any finished, failed and missing cells survives being collected and adopted."""

import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from hypothesis import HealthCheck, given, settings, strategies as st
from ntksim.store import CellIndex, CellRecord, Journal, NotApplicable, StorePlan
from ntksim.store.adopt import adopt
from ntksim.store.collect import collect

from store.store_examples import SPECS, dataset, example_record, key_of, tree_bytes

NAMES = ("loss_test", "prediction_test", "eigenvalue", "layer_norm", "steps")


@st.composite
def plans(draw: st.DrawFn) -> tuple[StorePlan, list[CellRecord]]:
    labels = draw(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=2, unique=True))
    datasets = {
        label: dataset(
            i,
            draw(st.integers(1, 3)),
            draw(st.integers(0, 2)),
            draw(st.integers(1, 2)),
            tuple(draw(st.lists(st.integers(1, 2), min_size=1, max_size=2))),
        )
        for i, label in enumerate(labels)
    }
    width = draw(st.lists(st.sampled_from([1.0, 64.0, math.inf]), min_size=1, unique=True))
    seed = draw(st.lists(st.integers(0, 2**62), min_size=1, max_size=2, unique=True))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    shape = (len(labels), 1, len(width), len(seed), 1, 1)
    cells: dict[CellIndex, str | NotApplicable] = {}
    fates = {}
    for index in np.ndindex(shape):
        fate = draw(st.sampled_from(["done", "failed", "missing", "shared", "impossible"]))
        if fate == "impossible":
            cells[index] = NotApplicable(draw(st.text()))
        else:
            key = key_of(index[0]) if fate == "shared" else key_of(index)
            cells[index] = key
            fates.setdefault(key, (index, "done" if fate == "shared" else fate))
    plan = StorePlan(
        name=draw(st.text()),
        description=draw(st.text()),
        dataset=labels,
        architecture=[draw(st.text())],
        width=width,
        seed=seed,
        kernel=["analytic"],
        solver=["eigh"],
        time=draw(st.lists(st.sampled_from([0.0, 1.5, math.inf]), min_size=1, unique=True)),
        datasets=datasets,
        specs={name: SPECS[name] for name in names},
        cells=cells,
        attributes={"study_resolved": {"width": width, "text": draw(st.text())}},
    )
    lengths = st.fixed_dictionaries({"mode": st.integers(0, 4), "layer": st.integers(0, 3)})
    records = [
        example_record(plan, index, fate, draw(lengths))
        for index, fate in fates.values()
        if fate != "missing"
    ]
    return plan, records


@settings(
    deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(plans())
def test_collecting_and_adopting_lose_nothing(made: tuple[StorePlan, list[CellRecord]]) -> None:
    plan, records = made
    with tempfile.TemporaryDirectory() as name:
        store, journal = Path(name, "p.zarr"), Journal(Path(name, "p.cells"))
        for record in records:
            journal.write(record)
        report = collect(plan, journal, store)
        assert not report.unusable
        with xr.open_datatree(store, engine="zarr") as tree:
            root = tree.to_dataset().load()
            groups = {g.attrs["dataset"]: g.to_dataset().load() for g in tree.children.values()}
        statuses = root["status"].values
        by_key = {record.key: record for record in records}
        for index, key in plan.cells.items():
            record = None if isinstance(key, NotApplicable) else by_key.get(key)
            if record is None:
                absent = "not applicable" if isinstance(key, NotApplicable) else "missing"
                assert statuses[index] == absent
                continue
            assert statuses[index] == record.status
            for variable, value in record.variables.items():
                if plan.variables[variable].is_comparable:
                    stored = root[variable].values[index]
                else:
                    stored = groups[plan.dataset[index[0]]][variable].values[index[1:]]
                cut = stored[tuple(slice(0, size) for size in value.shape)]
                np.testing.assert_array_equal(cut, value)
        before, files = tree_bytes(store), tree_bytes(journal.folder) if records else {}
        shutil.rmtree(journal.folder, ignore_errors=True)
        adopted = adopt(store, journal)
        assert not adopted.lost
        assert adopted.restored == by_key.keys()
        assert (tree_bytes(journal.folder) if records else {}) == files
        collect(plan, journal, store)
        assert tree_bytes(store) == before
