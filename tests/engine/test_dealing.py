"""Who gets which task of a cluster."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from ntksim.engine import run
from ntksim.engine.dealing import Dealer

from running_studies import write_study


@dataclass
class Submitted:
    status: str = "pending"


def deal(dealer: Dealer, kinds: list[str]) -> list[str]:
    """Submit tasks of some kinds; return where each is wished to go."""
    places = []
    for kind in kinds:
        wish = dealer.wish(kind)
        dealer.dealt(kind, wish, Submitted())  # type: ignore[arg-type]
        assert wish["allow_other_workers"]
        places += wish["workers"]
    return places


def test_each_kind_is_dealt_out_evenly() -> None:
    dealer = Dealer()
    dealer.know({"a": 1, "b": 1})
    places = deal(dealer, ["kernel", "initial"] * 4)
    assert Counter(places[::2]) == Counter(places[1::2]) == {"a": 2, "b": 2}


def test_a_worker_gets_as_many_as_it_has_threads() -> None:
    dealer = Dealer()
    dealer.know({"a": 3, "b": 1})
    assert Counter(deal(dealer, ["cells"] * 8)) == {"a": 6, "b": 2}


def test_what_is_finished_does_not_count() -> None:
    dealer = Dealer()
    dealer.know({"a": 1, "b": 1})
    (first,) = deal(dealer, ["cells"])
    done = Submitted()
    dealer.dealt("cells", dealer.wish("cells"), done)  # type: ignore[arg-type]
    done.status = "finished"
    (place,) = deal(dealer, ["cells"])
    assert place != first


def test_workers_come_and_go() -> None:
    dealer = Dealer()
    assert dealer.wish("cells") == {}
    dealer.know({"a": 1, "b": 1})
    deal(dealer, ["cells"] * 4)
    dealer.know({"b": 1, "c": 1})
    assert deal(dealer, ["cells"] * 2) == ["c", "c"]
    dealer.know({"c": 1})
    assert dealer.wish("cells") == {}


@pytest.mark.workers
@pytest.mark.usefixtures("two_cores")
def test_workers_share_cells_that_need_the_same_data(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    solver = {"name": "misbehaving", "seconds": 0.4, "tally": str(tally)}
    study = write_study(tmp_path, solver=solver, width=[4], seed={"count": 8})
    assert run(study, store=tmp_path / "store.zarr", workers=2).is_complete
    counts = Counter(line.split()[2] for line in tally.read_text().splitlines())
    # One that starts, or is held up, later than the other has one less.
    assert sorted(counts.values()) in ([4, 4], [3, 5])
