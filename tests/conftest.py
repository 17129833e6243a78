"""Settings that all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from ntksim.nn import limit

# How long an example takes depends on what else the machine does.
settings.register_profile("ntksim", deadline=None)
settings.load_profile("ntksim")


@pytest.fixture(scope="module", params=["layers", "fused"])
def kernel_path(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways to infinite-width kernels: the layers' algebra, and compiled loops where they can.

    For ``pytestmark = pytest.mark.usefixtures("kernel_path")``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit, "ENOUGH_PAIRS", 1 if request.param == "fused" else 2**62)
        yield request.param
