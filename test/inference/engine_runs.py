"""Runs an engine on a few pictures, for tests that look at all of them together."""

import math

import numpy as np


def infer(engine, pictures, within_s=math.inf):
    """Return the outputs of all pictures by name, each (n, ...); lists of boxes are padded with zeros."""
    by_picture = list(engine.run(pictures, within_s))
    assert len(by_picture) == len(pictures)
    return {name: joined([outputs[name] for outputs in by_picture]) for name in by_picture[0]}


def joined(arrays):
    shape = np.max([array.shape for array in arrays], axis=0)
    return np.concatenate(
        [np.pad(a, [(0, n - m) for n, m in zip(shape, a.shape, strict=True)]) for a in arrays]
    )
