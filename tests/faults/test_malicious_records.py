"""Records of the journal that a stranger made: sealed correctly, and yet nothing of it is run."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntksim.store import DamagedCell, Journal

from store.store_examples import key_of

KEY = key_of("malice")
VALUES = np.arange(4.0)
GOOD = {
    "key": KEY,
    "status": "done",
    "info": {"wall_time": 0.5},
    "variables": {
        "loss": {
            "dtype": "<f8",
            "shape": [4],
            "sha256": hashlib.sha256(VALUES.tobytes()).hexdigest(),
        }
    },
}


def forge(folder: Path, header: str, values: np.ndarray = VALUES) -> Journal:
    """Write a record with any header, and the digest that makes it look as it was written."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{KEY}.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in (
            ("__record__", np.frombuffer(header.encode(), dtype=np.uint8)),
            ("loss", values),
        ):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
        archive.comment = b"sha256:" + b"0" * 64
    content = path.read_bytes()[:-64]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    return Journal(folder)


def changed(variable: dict[str, Any] | None = None, **top: Any) -> str:
    """Return the good header with some of it replaced."""
    loss = GOOD["variables"]["loss"] | (variable or {})  # type: ignore[index]
    return json.dumps(GOOD | {"variables": {"loss": loss}} | top)


def test_a_forged_record_that_says_the_truth_is_read(tmp_path: Path) -> None:
    # What the other tests change is therefore what is refused.
    journal = forge(tmp_path / "cells", changed())
    assert journal.read(KEY).variables["loss"].tolist() == VALUES.tolist()
    assert journal.value(KEY, "loss").tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    "header",
    [
        # Bytes of the file would be taken for pointers to objects, whose code then runs.
        changed({"dtype": "|O"}),
        changed({"dtype": "O"}),
        changed({"dtype": "<f8,O"}),
        changed({"dtype": "<M8[s]"}),
        changed({"dtype": "<U8"}),
        changed({"dtype": ["a", "<f8"]}),
        changed({"shape": [-1]}),
        changed({"shape": [10**15]}),
        changed({"shape": [10**400]}),
        changed({"shape": [2**31, 2**31, 2**31]}),
        changed({"shape": [10**6]}),
        changed({"shape": [1] * 65}),
        changed({"shape": [4.0]}),
        changed({"shape": [True]}),
        changed({"shape": "four"}),
        changed({"shape": None}),
        changed({"sha256": 3}),
        changed({"sha256": "../../x"}),
        changed(key=3),
        changed(key="../../evil"),
        changed(status="__import__('os')"),
        changed(info=[]),
        changed(info=None),
        changed(info={"wall_time": 10**400}),
        changed(info={"wall_time": [1]}),
        changed(variables=[]),
        changed(variables={"../loss": GOOD["variables"]["loss"]}),  # type: ignore[index]
        changed(variables={"missing": GOOD["variables"]["loss"]}),  # type: ignore[index]
        changed().replace('"done"', "1" * 5000),
        "[" * 100_000,
        "\u0000",
        "",
        "null",
    ],
    ids=lambda header: header[:1] + hashlib.sha256(header.encode()).hexdigest()[:6],
)
def test_a_header_that_lies_is_damage(tmp_path: Path, header: str) -> None:
    journal = forge(tmp_path / "cells", header)
    for read in (journal.read, journal.contents, lambda key: journal.value(key, "loss")):
        with pytest.raises((DamagedCell, KeyError)):
            read(KEY)
    with pytest.raises(DamagedCell):
        journal.contents(KEY)


def test_a_record_that_is_a_link_or_a_folder_is_only_looked_at(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for the store")
    folder = tmp_path / "cells"
    folder.mkdir()
    (folder / f"{KEY}.npz").symlink_to(secret)
    with pytest.raises(DamagedCell):
        Journal(folder).contents(KEY)
    Journal(folder).set_aside(KEY)
    assert secret.read_text() == "not for the store"
