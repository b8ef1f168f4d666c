"""The big graph that figures are measured on: 705,000 jobs (15,000 DAGs of 47 tasks), 900,000 datasets, 2.5 M edges.

Deterministic (numpy PCG64, seed 7). Node numbers: datasets 0..899,999, jobs 900,000..1,604,999. A job writes a dataset
and reads one to four that come before it, mostly near ones. Full downstream of dataset 1,000 has 830,679 nodes, of
400,000 has 430,788, of 800,000 has 50,012 (start not counted); within 10 edges of 1,000 there are 330, within 20 there
are 14,991.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

JOBS, DATASETS, SEED = 705_000, 900_000, 7
NODES = JOBS + DATASETS
ROOT = 1_000
DOWNSTREAM = 830_679  # nodes that depend on ROOT
WITHIN = {10: 330, 20: 14_991}


def edges() -> NDArray[np.int32]:
    """Source and target of every edge, shape (2,467,957, 2): first what jobs read, then what they wrote."""
    rng = np.random.default_rng(SEED)
    written = np.sort(rng.integers(1000, DATASETS, size=JOBS))
    reads = rng.integers(1, 5, size=JOBS)
    total = int(reads.sum())
    reader = np.repeat(np.arange(JOBS), reads)
    target = np.repeat(written, reads)
    near = rng.random(total) < 0.9
    back = np.where(near, rng.integers(1, 5000, size=total), (rng.random(total) * target).astype(int))
    read = np.maximum(target - np.maximum(back, 1), 0)
    consumed = np.stack([read, DATASETS + reader], axis=1)
    produced = np.stack([DATASETS + np.arange(JOBS), written], axis=1)
    return np.concatenate([consumed, produced]).astype(np.int32)
