"""Pairs of tiles, and memory that is used again."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.nn import ComposedNetwork, Dense, Recycling, Relu
from ntksim.nn.recycling import SMALLEST, empty, in_force
from ntksim.nn.tiles import slices, tile_pairs

from small_networks import chain


@given(points=st.integers(0, 200), most=st.integers(0, 70))
def test_slices_cover_all_points_once_with_few_sizes(points: int, most: int) -> None:
    cut = slices(points, most)
    covered = [i for piece in cut for i in range(piece.start, piece.stop)]
    assert covered == list(range(points))
    sizes = [piece.stop - piece.start for piece in cut]
    assert max(sizes) <= max(1, most)
    assert len(set(sizes[:-1])) <= 1
    # As few pieces as that allows, or arrays would be smaller than they may be.
    assert len(cut) == max(1, -(-points // max(1, most)))


@given(n=st.integers(1, 9), m=st.integers(1, 9), held=st.integers(0, 10), symmetric=st.booleans())
def test_pairs_cover_the_matrix_and_hold_what_they_may(
    n: int, m: int, held: int, symmetric: bool
) -> None:
    rows, columns = slices(n, 1), None if symmetric else slices(m, 1)
    prepared: list[slice] = []

    def prepare(tile: slice) -> list[slice]:
        prepared.append(tile)
        return [tile]

    seen = np.zeros((n, n if symmetric else m), dtype=int)
    for row, column, left, right in tile_pairs(rows, columns, held, prepare, prepare):
        assert left == [row]
        assert right == [column]
        assert (left is right) == (symmetric and row == column)
        seen[row, column] += 1
        if symmetric and row != column:
            seen[column, row] += 1
    assert (seen == 1).all()
    batches = -(-n // max(1, held))
    if symmetric:
        assert len(prepared) <= n * (batches + 1) / 2 + n  # each column once a batch before it
    else:
        assert len(prepared) == n + m * batches


def test_memory_is_given_again_only_when_nobody_refers_to_it() -> None:
    shape = (SMALLEST, 2)
    with Recycling() as recycling:
        first = empty(shape)
        view = first[1:].T
        second = empty(shape)
        assert not np.shares_memory(first, second)
        address = first.ctypes.data
        del first
        assert not np.shares_memory(view, empty(shape))  # the view still needs it
        del view
        assert recycling.empty(shape).ctypes.data == address
        assert not np.shares_memory(second, empty(shape))


def test_recycling_ends_with_its_context_and_its_thread() -> None:
    outer = Recycling()
    found = []
    with outer:
        kept = empty((SMALLEST,)).ctypes.data
        with Recycling():
            assert empty((SMALLEST,)).ctypes.data != kept
        assert empty((SMALLEST,)).ctypes.data == kept
        thread = threading.Thread(target=lambda: found.append(empty((SMALLEST,)).ctypes.data))
        thread.start()
        thread.join()
    assert found[0] != kept
    with pytest.raises(ZeroDivisionError), outer:
        raise ZeroDivisionError
    with outer:
        assert empty((SMALLEST,)).ctypes.data == kept
    assert empty((SMALLEST,)).ctypes.data != kept


def test_it_may_be_entered_within_itself() -> None:
    outer, inner = Recycling(), Recycling()
    assert in_force() not in (outer, inner)
    with outer:
        with inner:
            with inner, in_force() as again:
                assert again is inner
            assert in_force() is inner
        assert in_force() is outer
    assert in_force() is not outer


def test_results_of_a_network_are_not_overwritten_by_the_next_ones() -> None:
    network: ComposedNetwork = chain(Relu(), 2, outputs=2, bias_std=0.2)
    rng = np.random.default_rng(0)
    params, x = network.initialise(70, rng), rng.standard_normal((120, 3))
    with Recycling():
        value, gradients = network.value_and_vjp(params, x, np.sin)
        kept = {name: gradient.copy() for name, gradient in gradients.items()}
        features = Dense(units=70).forward({"weight": params["0.weight"]}, x)[0]
        before = features.copy(), value.copy()
        for _ in range(3):
            network.value_and_vjp(params, 2.0 * x, np.cos)
            Dense(units=70).forward({"weight": params["0.weight"]}, 3.0 * x)
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(value, before[1])
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(gradient, kept[name])
