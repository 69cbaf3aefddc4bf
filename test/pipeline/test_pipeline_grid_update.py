"""The rectangle that changed from one map to the next."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stream_infer_ros.mapping import GridSnapshot
from stream_infer_ros.pipeline.steps.publish_map import changed_part

CELLS = arrays(np.int8, (6, 6), elements=st.sampled_from([-1, 0, 100]), fill=st.just(-1))


def grid(cells, x_m=0.0, stamp_ns=0):
    return GridSnapshot(stamp_ns, x_m, 0.0, 0.1, cells)


@given(CELLS, CELLS)
def test_it_is_the_smallest_that_holds_every_change(before, after):
    part = changed_part(grid(before), grid(after, stamp_ns=7))
    changed = np.argwhere(before != after)
    if part is None:
        assert not len(changed)
        return
    assert (part.row, part.column) == tuple(changed.min(axis=0))
    assert part.cells.shape == tuple(changed.max(axis=0) - changed.min(axis=0) + 1)
    rows, columns = part.cells.shape
    patched = before.copy()
    patched[part.row : part.row + rows, part.column : part.column + columns] = part.cells
    assert np.array_equal(patched, after)
    assert part.stamp_ns == 7


@given(CELLS, CELLS)
def test_there_is_none_for_a_window_that_moved(before, after):
    assert changed_part(grid(before), grid(after, x_m=0.1)) is None
