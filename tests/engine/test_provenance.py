"""The versions that a store records."""

import importlib.metadata

import pytest
from ntksim.engine import provenance


def test_what_a_plugin_s_distribution_requires_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {
        "numpy": "2.4.0",
        "jax": "0.10.2",
        "flax": "0.12.8",
        "pytest": "8.3",
        "ntksim": "1",
    }
    required = [
        "jax>=0.10",
        "ntksim>=0.1.0",
        'flax>=0.12; extra == "flax"',
        "equinox; extra == 'equinox'",  # not installed
        "pytest>=8; extra == 'test'",
    ]

    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(importlib.metadata, "requires", {"ntksim-jax": required}.__getitem__)
    found = provenance.versions(["ntksim-jax"])
    assert found.keys() == {"python", *provenance.LIBRARIES, "jax", "flax"}
    assert (found["numpy"], found["jax"], found["flax"]) == ("2.4.0", "0.10.2", "0.12.8")
    assert found["scipy"] == ""


def test_a_distribution_that_is_gone_or_requires_nothing_adds_nothing() -> None:
    assert provenance.versions(["no-such-distribution"]) == provenance.versions()
