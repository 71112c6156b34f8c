"""LSP Extended (real photographs, 14 joints in 2D) as shards.

    python3 -m mhp_train.lspet --data ../shared/data/lspet --split train -o /var/tmp/mhp-data/lspet

The folder holds `photos.zip` and `labels.npz` (keys name, joints [n,14,3], joint_names, split).
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import cv2
import numpy as np

from . import store, skeleton
from .crop import tight_box

NAMESAKE = {"Neck": "Thorax"}
PICTURES_PER_SHARD = 500
JPEG_QUALITY = 95


def muco_joints(joints: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """LSPET joints [n,14,3] -> MuCo joints_px [n,21,2] and weight2d [n,21]; Pelvis from the hips, others by name."""
    target = skeleton.load("muco21")
    points = np.zeros((len(joints), len(target.joints), 2), np.float32)
    weight = np.zeros(points.shape[:2], np.float32)
    for column, name in enumerate(names):
        index = target.index(NAMESAKE.get(name, name))
        points[:, index], weight[:, index] = joints[:, column, :2], joints[:, column, 2] > 0
    hips = [target.index("R_Hip"), target.index("L_Hip")]
    points[:, target.root] = points[:, hips].mean(axis=1)
    weight[:, target.root] = weight[:, hips].prod(axis=1)
    return points, weight


def labels_of(archive, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Shard labels of the chosen rows."""
    names = [str(name) for name in archive["joint_names"]]
    points, weight = muco_joints(archive["joints"][rows], names)
    count = len(rows)
    boxes = np.stack([tight_box(p, w > 0) for p, w in zip(points, weight)]).astype(np.float32)
    return {
        "size_px": archive["size"][rows].astype(np.int32), "joints_px": points, "weight2d": weight, "box_px": boxes,
        "joints_mm": np.zeros((count, points.shape[1], 3), np.float32), "visible": (weight > 0).astype(np.uint8) * 2,
        "camera_px": np.zeros((count, 4), np.float32), "has_depth": np.zeros(count, np.uint8),
    }


def pack(data: Path, split: str, output: Path) -> int:
    """Write the shards of one split; returns the number of pictures."""
    output.mkdir(parents=True, exist_ok=True)
    with np.load(data / "labels.npz") as archive, zipfile.ZipFile(data / "photos.zip") as photos:
        rows = np.flatnonzero(archive["split"] == split)
        for start in range(0, len(rows), PICTURES_PER_SHARD):
            chosen = rows[start:start + PICTURES_PER_SHARD]
            pictures = [jpeg_of(photos.read(str(archive["name"][row]))) for row in chosen]
            store.write(output / f"lspet-{split}-{start:05d}.npz", pictures, labels_of(archive, chosen), f"lspet {split}")
    return len(rows)


def jpeg_of(encoded: bytes) -> bytes:
    """Any picture as JPEG, which decodes faster than WebP."""
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("train", "dev"), required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    print(f"{args.output}: {pack(args.data, args.split, args.output)} pictures")


if __name__ == "__main__":
    main()
