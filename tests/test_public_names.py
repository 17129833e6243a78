"""What ``import ntksim`` offers."""

import ntksim
import pytest


@pytest.mark.parametrize("name", ntksim.__all__)
def test_every_public_name_can_be_had_and_is_documented(name: str) -> None:
    value = getattr(ntksim, name)
    if not name.startswith("__") and name not in {"Array", "Params", "Variable", "hookimpl"}:
        assert getattr(value, "__doc__", None)


def test_names_that_are_not_there_are_missed_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ntksim.nothing  # pyright: ignore[reportAttributeAccessIssue]


def test_names_are_listed() -> None:
    assert {"run", "load_study", "plan_cells", "open_results", "hookimpl"} <= set(dir(ntksim))
