#!/usr/bin/env python3
"""Writes testdata/goldens/*.safetensors: what every stage between picture and joints must answer.

A second, plain implementation of the conventions in numpy, sharing no code with the program or with mhp_train.
Sampling and lens distortion are OpenCV's own (warpAffine, projectPoints, undistortPointsIter), since its arithmetic
is the convention. Debian's python3-numpy and python3-opencv are enough.

    scripts/make_goldens.py            write the files
    scripts/make_goldens.py --check    compute again and compare with the committed files
"""
import argparse
import json
import struct
import sys
from pathlib import Path

import cv2
import numpy as np

VERSION = "1"
SEED = 20210619
FOLDER = Path(__file__).resolve().parent.parent / "testdata" / "goldens"
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
DEPTH_RANGE_MM = (-1000.0, 1000.0)
MUCO_ROOT = 14
MUCO_MIRROR = [(2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (17, 18), (19, 20)]
KINDS = {"float16": "F16", "float32": "F32", "float64": "F64", "uint8": "U8"}


def write_safetensors(path, tensors, unit):
    """8 bytes length, a JSON header padded with spaces, then the tensors one after another."""
    header = {"__metadata__": {"version": VERSION, "seed": str(SEED), "unit": unit, "made_by": "scripts/make_goldens.py"}}
    blobs, at = [], 0
    for name, value in tensors.items():
        value = np.ascontiguousarray(value)
        blob = value.astype(value.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": KINDS[str(value.dtype)], "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_safetensors(path):
    """{name: array} of a file that write_safetensors made."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    kinds = {v: k for k, v in KINDS.items()}
    return {
        name: np.frombuffer(data[8 + size + t["data_offsets"][0] : 8 + size + t["data_offsets"][1]], kinds[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
        if name != "__metadata__"
    }


# --- crop ---------------------------------------------------------------------------------------------------------


def make_picture(rng, width, height):
    """[height, width, 3] uint8 RGB: slopes, edges, a disc and noise."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * 255 / (width - 1), y * 255 / (height - 1), 127 + 120 * np.sin(x / 7.0) * np.cos(y / 5.0)], 2)
    picture[(x - width * 0.6) ** 2 + (y - height * 0.4) ** 2 < (height * 0.25) ** 2] = (230, 40, 90)
    picture[height // 2 :, : width // 5] = (255, 255, 255)
    return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).round().astype(np.uint8)


def process_bbox(box, width, height):
    """The square that is cropped: clipped to the picture, grown about its centre, times 1.25."""
    x, y, w, h = box
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(width - 1.0, x + w - 1.0), min(height - 1.0, y + h - 1.0)
    side = max(right - left, bottom - top) * 1.25
    return np.array([(left + right) / 2 - side / 2, (top + bottom) / 2 - side / 2, side, side])


def affine(square, size):
    """(scale, shift x, shift y) from crop px to image px: the square's centre is the crop's (size/2, size/2)."""
    scale = square[2] / size
    return np.array([scale, square[0] + square[2] / 2 - size / 2 * scale, square[1] + square[3] / 2 - size / 2 * scale])


def warp(picture, m, size):
    """[size, size, 3] uint8: bilinear, black outside."""
    matrix = np.array([[m[0], 0, m[1]], [0, m[0], m[2]]])
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def turned(m, turn_deg, mirrored, size, cell):
    """The map crop px -> image px [2, 3] of the crop `m` turned counter-clockwise about the middle of its cells, then mirrored about it."""
    middle = (size - cell) / 2
    back = cv2.getRotationMatrix2D((middle, middle), -turn_deg, 1.0)
    if mirrored:
        back = back @ np.array([[-1, 0, 2 * middle], [0, 1, 0], [0, 0, 1]])
    return m[0] * back + np.array([[0, 0, m[1]], [0, 0, m[2]]])


def crop_goldens(rng):
    width, height, size = 96, 80, 48
    picture = make_picture(rng, width, height)
    boxes = np.array(
        [
            [0, 0, width, height],
            [20.3, 10.7, 40.2, 55.9],  # inside, larger than the crop
            [30, 30, 9.5, 6.25],  # magnified
            [-20, -15, 60, 40],  # left and top outside
            [70, 50, 80, 90],  # right and bottom outside
            [-500, 33, 2000, 3],  # a strip across
            [94, 77, 2, 3],  # the last corner
            [40, 20, 1, 30],  # one pixel wide
        ],
        float,
    )
    squares = np.array([process_bbox(b, width, height) for b in boxes])
    maps = np.array([affine(s, size) for s in squares])
    grey = np.stack([warp(picture, m, size) for m in maps])
    full = warp(picture, affine(squares[1], 256), 256)
    seen = [
        [cv2.warpAffine(picture, turned(m, *view, size, size / 32), (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
         for view in ((25, False), (-25, True))]
        for m in maps[[1, 3]]
    ]
    return {
        "picture": picture,
        "boxes": boxes,
        "squares": squares,
        "maps": maps,
        "grey": grey,
        "turned": np.array(seen),
        "normalised": ((grey[1].astype(np.float64) - MEAN) / STD).transpose(2, 0, 1).astype(np.float32),
        "every_32nd_row_of_256": full[::32],
    }


# --- letterbox -----------------------------------------------------------------------------------------------------


def letterbox(picture, size, centred):
    """[size, size, 3] uint8: the picture with its proportions kept, each px the mean of the area it covers, grey 114 round it."""
    height, width = picture.shape[:2]
    ratio = min(size / width, size / height)
    w, h = max(1, round(width * ratio)), max(1, round(height * ratio))
    out = np.full((size, size, 3), 114, np.uint8)
    x, y = ((size - w) // 2, (size - h) // 2) if centred else (0, 0)
    out[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    return out


def letterbox_goldens(rng):
    tensors = {}
    for name, width, height, centred in [
        ("sixth", 288, 162, False),
        ("odd", 211, 97, False),
        ("upright", 67, 120, True),
        ("half", 96, 64, True),
        ("enlarged", 31, 22, False),
    ]:
        picture = make_picture(rng, width, height)
        tensors[name + ".picture"] = picture
        tensors[name + ".input"] = letterbox(picture, 48, centred)
    return tensors


# --- heat volume --------------------------------------------------------------------------------------------------


def make_volume(rng, shape):
    """[J, D, H, W] float16 before the softmax: noise, a broad bump, a sharp one, and for joint 0 two rivals."""
    d, h, w = shape[1:]
    z, y, x = np.mgrid[0:d, 0:h, 0:w].astype(np.float64)
    volume = rng.normal(0, 1.0, shape)
    for j in range(shape[0]):
        for strength, spread in ((6, 0.2), (12, 0.06))[: 2 if j else 1] + (((9, 0.05),) if j == 0 else ()):
            cz, cy, cx = rng.uniform(0.1, 0.9, 3) * (d, h, w)
            far = ((x - cx) / w) ** 2 + ((y - cy) / h) ** 2 + ((z - cz) / d) ** 2
            volume[j] += strength * np.exp(-far / (2 * spread**2))
    return (volume * 1.5).astype(np.float16)


def soft_argmax(volume):
    """[J, 4]: expected x, y, z in cells under the softmax over D*H*W, and its peak."""
    points = []
    for v in volume.astype(np.float64):
        p = np.exp(v - v.max())
        p /= p.sum()
        index = [np.arange(n, dtype=np.float64) for n in v.shape]
        points.append([p.sum((0, 1)) @ index[2], p.sum((0, 2)) @ index[1], p.sum((1, 2)) @ index[0], p.max()])
    return np.array(points)


def volume_goldens(rng):
    cube, flat = make_volume(rng, (2, 32, 32, 32)), make_volume(rng, (3, 6, 16, 10))
    return {"cube": cube, "cube_points": soft_argmax(cube), "flat": flat, "flat_points": soft_argmax(flat)}


# --- joints -------------------------------------------------------------------------------------------------------


def undistort(camera, image_px):
    """[..., 2] directions (x/z, y/z) of image points."""
    fx, fy, cx, cy = camera[:4]
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    exact = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-14)
    flat = cv2.undistortPointsIter(image_px.reshape(-1, 1, 2), matrix, camera[4:], None, None, exact)
    return flat.reshape(image_px.shape)


def project(camera, points_mm):
    fx, fy, cx, cy = camera[:4]
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return cv2.projectPoints(points_mm.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), matrix, camera[4:])[0].reshape(-1, 2)


LOOKS = [(turn, mirrored) for turn in (0, 25, -25) for mirrored in (False, True)]


def upright(plane, turn_deg, cells):
    """Logarithms [21, cells * cells] of a plane of the crop turned counter-clockwise, cell by cell of the crop."""
    grid = np.log(plane.astype(float)).reshape(21, cells, cells)
    known = {(x, y): grid[:, y, x] for y in range(cells) for x in range(cells)}
    unseen, middle = np.full(21, np.log(1e-6)), (cells - 1) / 2
    turn = np.exp(-1j * np.radians(turn_deg))
    out = np.empty_like(grid)
    for y in range(cells):
        for x in range(cells):
            at = (complex(x, y) - complex(middle, middle)) * turn + complex(middle, middle)
            left, top = int(np.floor(at.real)), int(np.floor(at.imag))
            out[:, y, x] = sum(
                (1 - abs(at.real - c)) * (1 - abs(at.imag - r)) * known.get((c, r), unseen) for c in (left, left + 1) for r in (top, top + 1)
            )
    return out.reshape(21, -1)


def merged(plane, depth, surest, cells):
    """x, y, z in cells and score of the product of looks [n, 21, ...] at the first of LOOKS."""
    order = np.arange(21)
    for a, b in MUCO_MIRROR:
        order[[a, b]] = b, a
    planes, depths = [], []
    for (turn, mirrored), one, other in zip(LOOKS, plane, depth):
        if mirrored:
            one, other = one[order].reshape(21, cells, cells)[:, :, ::-1].reshape(21, -1), other[order]
        planes.append(upright(one, turn, cells))
        depths.append(np.log(other.astype(float)))
    sure = np.exp(np.log(surest.astype(float)).mean(axis=1))
    weights, score_weights = sure**4 / (sure**4).sum(), sure**1.4 / (sure**1.4).sum()
    means, score = [], np.ones(21)
    for logs in (np.array(planes), np.array(depths)):
        total = sum(w * each for w, each in zip(weights, logs))
        likeliest = total.argmax(axis=1)
        score *= np.prod([np.exp(each[np.arange(21), likeliest]) ** w for w, each in zip(score_weights, logs)], axis=0)
        means.append(np.exp(total) ** 2 / (np.exp(total) ** 2).sum(axis=1, keepdims=True))
    columns, index = means[0].reshape(21, cells, cells), np.arange(cells)
    return np.column_stack([columns.sum(axis=1) @ index, columns.sum(axis=2) @ index, means[1] @ index, score])


def joint_goldens(rng):
    cells, size, count = 32, 256, 5
    cameras = np.array(
        [
            [1500, 1500, 959.5, 539.5, 0, 0, 0, 0, 0],
            [1145.05, 1143.78, 512.54, 515.45, -0.20709891, 0.24777518, -0.00097562, -0.00142447, -0.00307515],
            [800, 820, 640, 360, 0.08, -0.02, 0.001, -0.0007, 0.0005],
            [3000, 2990, 2000, 1500, -0.3, 0.12, 0.0, 0.0, -0.02],
            [500, 500, 319.5, 239.5, 0, 0, 0.002, 0.001, 0],
        ]
    )
    squares = np.array([[700, 200, 520, 520], [300, 280, 450, 450], [-40, 60, 700, 700], [900, 500, 1800, 1800], [250, 90, 200, 200]], float)
    maps = np.array([affine(s, size) for s in squares])
    points = np.concatenate([rng.uniform(0, cells - 1, (count, 21, 3)), rng.uniform(0, 1, (count, 21, 1))], 2)
    mirrored = np.concatenate([rng.uniform(0, cells - 1, (count, 21, 3)), rng.uniform(0, 1, (count, 21, 1))], 2)

    back = mirrored.copy()
    back[..., 0] = cells - 1 - back[..., 0]
    for a, b in MUCO_MIRROR:
        back[:, [a, b]] = back[:, [b, a]]
    odds = [p[..., 3:] / (1 - p[..., 3:]) for p in (points, back)]
    weights = [each**2 * np.exp(np.log(each).mean(axis=1, keepdims=True)) ** 12 for each in odds]
    flipped = (points * weights[0] + back * weights[1]) / (weights[0] + weights[1])
    flipped[..., 3] = (points[..., 3] + back[..., 3]) / 2

    crop_px = flipped[..., :2] * size / cells
    image_px = crop_px * maps[:, None, :1] + maps[:, None, 1:]
    box_depth = np.sqrt(2000.0**2 * cameras[:, 0] * cameras[:, 1] / (squares[:, 2] * squares[:, 3]))
    low, high = DEPTH_RANGE_MM
    depth = low + (high - low) * flipped[..., 2] / cells + box_depth[:, None]
    direction = np.stack([undistort(c, p) for c, p in zip(cameras, image_px)])
    camera_mm = np.concatenate([direction * depth[..., None], depth[..., None]], 2)
    for c, mm, px in zip(cameras, camera_mm, image_px):
        assert np.abs(project(c, mm) - px).max() < 1e-6, "undistort is not the inverse of project"

    far = rng.uniform((-1500, -1000, 2500), (1500, 1000, 9000), (count, 30, 3))
    return {
        "cameras": cameras,
        "squares": squares,
        "maps": maps,
        "points": points,
        "mirrored": mirrored,
        "flipped": flipped,
        "crop_px": crop_px,
        "image_px": image_px,
        "box_depth_mm": box_depth,
        "camera_mm": camera_mm,
        "root_relative_mm": camera_mm - camera_mm[:, MUCO_ROOT : MUCO_ROOT + 1],
        "space_mm": far,
        "space_px": np.stack([project(c, p) for c, p in zip(cameras, far)]),
    }


def look_goldens(rng):
    cells = 32
    peaks = rng.uniform(0.01, 0.5, (len(LOOKS), 21)).astype(np.float32)
    looks = []
    for n in (cells * cells, cells):
        shares = rng.dirichlet(np.full(n, 0.05), (len(LOOKS), 21)) + 1e-9
        looks.append((shares / shares.sum(axis=2, keepdims=True)).astype(np.float32))
    return {
        "peaks": peaks,
        "plane": looks[0],
        "depth": looks[1],
        "merged_two": merged(looks[0][:2], looks[1][:2], peaks[:2], cells),
        "merged": merged(*looks, peaks, cells),
    }


FILES = {
    "crop": (crop_goldens, "grey levels, px"),
    "volume": (volume_goldens, "cells"),
    "joints": (joint_goldens, "cells, px, mm"),
    "letterbox": (letterbox_goldens, "grey levels"),
    "looks": (look_goldens, "shares, cells"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    worst = 0.0
    for number, (name, (make, unit)) in enumerate(FILES.items()):
        tensors = make(np.random.default_rng(SEED + number))
        path = FOLDER / f"{name}.safetensors"
        if not check:
            write_safetensors(path, tensors, unit)
            print(f"{path.name}: {path.stat().st_size} bytes, {len(tensors)} tensors")
            continue
        committed = read_safetensors(path)
        if sorted(committed) != sorted(tensors):
            sys.exit(f"{path}: holds {sorted(committed)}, the script makes {sorted(tensors)}; run it without --check")
        for key, value in tensors.items():
            difference = float(np.abs(committed[key].astype(np.float64) - value.astype(np.float64)).max())
            worst = max(worst, difference)
            if not difference <= 1e-6:
                sys.exit(f"{path}: {key} differs by {difference:g}; run the script without --check and look at the change")
    if check:
        print(f"goldens agree, largest difference {worst:g}")


if __name__ == "__main__":
    main()
