"""Shards: about a thousand pictures with their labels in one `NAME.npz`, written whole or not at all.

Keys: `jpeg` uint8 [bytes], `offset` int64 [n + 1] (picture i is jpeg[offset[i]:offset[i + 1]]), `size_px` int32 [n, 2]
(width, height), `joints_px` float32 [n, J, 2], `joints_mm` float32 [n, J, 3] (camera: x right, y down, z away),
`visible` uint8 [n, J] (0 outside the photograph, 1 hidden, 2 visible), `camera_px` float32 [n, 4] (fx, fy, cx, cy),
`box_px` float32 [n, 4] (x, y, w, h: tight box of the joints inside the photograph), `weight2d` float32 [n, J],
`has_depth` uint8 [n], `seed` int64 [n], `meta` JSON text.
"""
import json
import os
from pathlib import Path

import numpy as np


def write_shard(path, pictures, meta):
    """Writes `pictures` (picture.Picture) to `path`; an existing file is replaced in one step."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = [len(p.jpeg) for p in pictures]
    columns = {k: np.stack([getattr(p, k) for p in pictures]) for k in ("joints_px", "joints_mm", "visible", "camera_px", "box_px")}
    n, joints = columns["visible"].shape
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(partial, "wb") as f:
        np.savez(
            f,
            jpeg=np.concatenate([p.jpeg for p in pictures]),
            offset=np.cumsum([0] + sizes).astype(np.int64),
            size_px=np.array([p.rgb.shape[1::-1] for p in pictures], np.int32),
            weight2d=np.ones((n, joints), np.float32),
            has_depth=np.ones(n, np.uint8),
            seed=np.array([p.seed for p in pictures], np.int64),
            meta=np.array(json.dumps(meta)),
            **columns,
        )
    os.replace(partial, path)
