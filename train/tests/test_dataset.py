"""Crops, targets, flips, shards that come and go, and the real folder where it is at hand."""

import dataclasses
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mhp_train import augment, crop, dataset, decode, lspet, skeleton, store, testsets

JOINTS = skeleton.load("muco21")
SHARED = Path(os.environ.get("MHP_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def labels_for(count, rng, side=320):
    points = rng.uniform(80, 240, (count, 21, 2)).astype(np.float32)
    depth = rng.uniform(-400, 400, (count, 21)).astype(np.float32)
    joints_mm = np.dstack([points, depth + 3000])
    joints_mm[:, JOINTS.root, 2] = 3000
    boxes = np.stack([crop.tight_box(p, np.ones(21, bool)) for p in points]).astype(np.float32)
    return {"size_px": np.full((count, 2), side, np.int32), "joints_px": points, "joints_mm": joints_mm.astype(np.float32),
            "visible": np.full((count, 21), 2, np.uint8), "camera_px": np.tile(np.float32([1000, 1000, 160, 160]), (count, 1)), "box_px": boxes,
            "weight2d": np.ones((count, 21), np.float32), "has_depth": np.ones(count, np.uint8)}


def write_shard(path, count, seed=0):
    """Grey pictures with a white dot on joint 0."""
    rng = np.random.default_rng(seed)
    labels = labels_for(count, rng)
    pictures = []
    for index in range(count):
        picture = np.full((320, 320, 3), 60, np.uint8)
        cv2.circle(picture, tuple(int(round(v)) for v in labels["joints_px"][index, 0]), 5, (255, 255, 255), -1)
        pictures.append(cv2.imencode(".png", picture)[1].tobytes())
    store.write(path, pictures, labels)


def row(labels, index):
    return {key: values[index] for key, values in labels.items()}


@pytest.mark.parametrize("box, square", [
    ((10, 20, 100, 50), (-2.375, -17.375, 123.75, 123.75)),   # wide: x 10..109, y 20..69
    ((-50, 0, 101, 101), (-12.5, -12.5, 125.0, 125.0)),       # begins left of the picture: x 0..50, y 0..100
])
def test_process_bbox(box, square):
    got = crop.process_bbox(np.array(box, float), 320, 240)
    x, y, w, h = box
    left, right, top, bottom = max(0, x), min(319, x + w - 1), max(0, y), min(239, y + h - 1)
    side = 1.25 * max(right - left, bottom - top)
    assert np.allclose(got, [(left + right) / 2 - side / 2, (top + bottom) / 2 - side / 2, side, side])
    if box[0] == 10:
        assert np.allclose(got, square)


@pytest.mark.parametrize("box", [(400, 10, 20, 20), (0, 0, 0, 10), (5, 5, 1, 1)])
def test_boxes_without_a_crop(box):
    assert crop.process_bbox(np.array(box, float), 320, 240) is None


def test_crop_centre_goes_to_128():
    square = crop.process_bbox(np.array([40.0, 60.0, 81.0, 121.0]), 320, 320)
    assert np.allclose(crop.apply_affine(crop.image_to_crop(square), np.array([80.0, 120.0])), [128, 128])


@pytest.mark.parametrize("input_px, augmented", [(256, False), (128, False), (256, True), (128, True)])
def test_labels_follow_the_pixels(tmp_path, input_px, augmented):
    """The white dot lies where the target of joint 0 says, through warp, flip and reduced decoding."""
    write_shard(tmp_path / "a.npz", 6)
    folder = store.Folder(tmp_path)
    settings = augment.Settings(colour=0, grey_chance=0, erase_chance=0, blur_chance=0, noise_chance=0) if augmented else None
    rng, checked = np.random.default_rng(0), 0
    for index in range(6):
        encoded, labels = folder[index]
        image, cells, weight2d, *_ = dataset.sample(encoded, labels, input_px, 32, settings, rng)
        bright = image[..., 0].astype(float) - 60
        bright[bright < 60] = 0
        if not weight2d[0] or not bright.any():
            continue
        ys, xs = np.indices(bright.shape)
        centre = np.array([(xs * bright).sum(), (ys * bright).sum()]) / bright.sum()
        margin = 8 * input_px / 256
        if (centre < margin).any() or (centre > input_px - margin).any():
            continue
        assert np.allclose(centre, cells[0, :2] * 8, atol=0.75)
        checked += 1
    assert checked >= 3


def test_flip_swaps_left_and_right_and_mirrors_x():
    labels = row(labels_for(1, np.random.default_rng(0)), 0)
    plain = np.array([[1.0, 0, 0], [0, 1, 0]])
    mirrored = np.array([[-1.0, 0, 256], [0, 1, 0]])
    a = dataset.targets(labels, plain, False, 256, 32)[0]
    b = dataset.targets(labels, mirrored, True, 256, 32)[0]
    right, left = JOINTS.index("R_Wrist"), JOINTS.index("L_Wrist")
    assert np.allclose(b[left], [32 - a[right, 0], a[right, 1], a[right, 2]], atol=1e-4)


def test_depth_does_not_depend_on_where_in_the_picture_somebody_is():
    """The same person before a camera that has turned by 20 degrees looks nearly the same, and is to be learnt with the same depths."""
    rng = np.random.default_rng(3)
    labels = row(labels_for(1, rng), 0)
    joints_mm = rng.uniform(-400, 400, (21, 3)) + [0, 0, 3000]
    turn = cv2.Rodrigues(np.radians([12.0, -20.0, 0.0]))[0]
    depths = []
    for rotation in (np.eye(3), turn):
        points = joints_mm @ rotation.T
        middle_px = 1000 * (rotation @ [0, 0, 1])[:2] / (rotation @ [0, 0, 1])[2] + 160
        matrix = np.column_stack([np.eye(2), 128 - middle_px])  # the crop is centred on what the first camera's axis met
        seen = labels | {"joints_mm": points, "joints_px": points[:, :2] / points[:, 2:] * 1000 + 160}
        depths.append(dataset.targets(seen, matrix, False, 256, 32)[0][:, 2])
    assert np.allclose(depths[0], decode.mm_to_depth_index(joints_mm[:, 2] - joints_mm[JOINTS.root, 2], 32), atol=1e-4)
    assert np.allclose(depths[0], depths[1], atol=1e-4)


def test_mirroring_twice_is_the_identity():
    order = JOINTS.mirror_index
    assert (order[order] == np.arange(21)).all() and (order != np.arange(21)).sum() == 16


def test_batches_depend_on_seed_and_step_only(tmp_path):
    write_shard(tmp_path / "a.npz", 8)
    source = dataset.Source(tmp_path, 1.0)
    first, again = dataset.Mixer([source], 32, 5).batch(3, 4, 128), dataset.Mixer([source], 32, 5).batch(3, 4, 128)
    other = dataset.Mixer([source], 32, 5).batch(4, 4, 128)
    assert torch.equal(first.image, again.image) and torch.equal(first.cells, again.cells)
    assert not torch.equal(first.image, other.image)


def test_shares_and_empty_sources(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "flat").mkdir()
    write_shard(tmp_path / "flat" / "a.npz", 4)
    with pytest.raises(ValueError, match="no pictures"):
        dataset.Mixer([dataset.Source(tmp_path / "none", 1.0)], 32, 0).batch(0, 2, 128)
    mixer = dataset.Mixer([dataset.Source(tmp_path / "none", 0.5), dataset.Source(tmp_path / "flat", 0.5)], 32, 0)
    assert len(mixer.batch(0, 6, 128).image) == 6


def test_sources_are_mixed_within_a_batch(tmp_path):
    """Some blocks learn from the first crops of a batch alone: those must not be of one source."""
    sources = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        write_shard(tmp_path / str(number) / "a.npz", 4)
        sources.append(dataset.Source(tmp_path / str(number), 0.5))
    path = tmp_path / "1" / "a.npz"
    with np.load(path) as shard:
        np.savez(path, **{**shard, "has_depth": np.zeros(4, np.uint8)})
    with_depth = dataset.Mixer(sources, 32, 1).batch(0, 16, 128).weight_z.any(dim=1)
    assert with_depth.sum() == 8 and 0 < with_depth[:8].sum() < 8


def test_folder_follows_new_replaced_and_vanished_shards(tmp_path):
    write_shard(tmp_path / "a.npz", 3)
    folder = store.Folder(tmp_path)
    write_shard(tmp_path / "b.npz", 2, seed=1)
    (tmp_path / "broken.npz").write_bytes(b"not a shard")
    folder.rescan()
    assert len(folder) == 5
    (tmp_path / "a.npz").unlink()
    folder.rescan()
    assert len(folder) == 2 and len(folder[1][0]) > 0


def test_read_names_what_is_missing(tmp_path):
    np.savez(tmp_path / "x.npz", jpeg=np.zeros(1, np.uint8), offset=np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="joints_px"):
        store.read(tmp_path / "x.npz")


def test_lspet_names_map_to_muco():
    names = ["R_Ankle", "R_Hip", "L_Hip", "Neck"]
    joints = np.array([[[1, 2, 1], [10, 20, 1], [30, 40, 1], [5, 6, 1]], [[0, 0, 0], [10, 20, 1], [0, 0, 0], [5, 6, 1]]], np.float32)
    points, weight = lspet.muco_joints(joints, names)
    assert np.allclose(points[0, JOINTS.root], [20, 30]) and weight[0, JOINTS.root] == 1 and weight[1, JOINTS.root] == 0
    assert np.allclose(points[0, JOINTS.index("Thorax")], [5, 6]) and weight[0].sum() == 5


@pytest.mark.skipif(not (SHARED / "data" / "lspet" / "labels.npz").exists(), reason="no ../shared/data/lspet here (set MHP_SHARED)")
def test_lspet_dev_packs(tmp_path):
    assert lspet.pack(SHARED / "data" / "lspet", "dev", tmp_path) == 309
    folder = store.Folder(tmp_path)
    encoded, labels = folder[0]
    assert cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape[1::-1] == tuple(labels["size_px"])
    assert labels["weight2d"].sum() >= 11 and not labels["has_depth"]


@pytest.mark.parametrize("kept", ["top", "bottom", "left", "right"])
def test_a_part_ends_where_its_box_does(kept, monkeypatch):
    monkeypatch.setattr(augment, "PART_ENDS", {kept: 1.0})
    monkeypatch.setattr(augment, "PART_ENDS_PICTURE_CHANCE", 1.0)
    box = np.array([20.0, 30.0, 40.0, 60.0])
    part, end = augment.part_of(box, np.random.default_rng(1))
    assert end == kept and (part[:2] >= box[:2]).all() and (part[:2] + part[2:] <= box[:2] + box[2:] + 1e-9).all()
    picture = np.full((120, 100, 3), 255, np.uint8)
    augment.end_picture(picture, part, end)
    ys, xs = np.nonzero(picture[..., 0])
    expected = {"top": (0, part[1] + part[3], 0, 100), "bottom": (part[1], 120, 0, 100), "left": (0, 120, 0, part[0] + part[2]), "right": (0, 120, part[0], 100)}
    assert (ys.min(), ys.max() + 1, xs.min(), xs.max() + 1) == tuple(round(v) for v in expected[kept])


def test_upper_parts_count_what_shows():
    joints = skeleton.load("muco21")
    points = np.column_stack([np.full(21, 50.0), np.linspace(10, 110, 21)])
    points[joints.index("R_Hip")], points[joints.index("L_Shoulder")] = (50, 70), (50, 30)
    whole = testsets.Case(np.full((130, 100, 3), 9, np.uint8), np.array([30.0, 10.0, 40.0, 100.0]), points, np.ones(21, bool), np.ones(21, bool))
    part = next(testsets.upper_parts(iter([whole])))
    end = part.box[1] + part.box[3]
    assert 45 <= end <= 85 and part.torso_px == 40 and (part.labelled == (points[:, 1] < end)).all()
    assert (part.picture[round(end):] == 0).all() and (part.picture[:round(end)] == 9).all() and (whole.picture == 9).all()


def test_hidden_faces_lose_their_detail_and_nothing_else(tmp_path):
    """A square round the head goes flat; the rest of the picture keeps every byte."""
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 256, (128, 128, 3), np.uint8)
    for seed in range(20):
        hidden = picture.copy()
        augment.hide_face(hidden, np.array([60.0, 40.0]), 30.0, np.random.default_rng(seed))
        changed = (hidden != picture).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert 18 <= rows[0] <= 40 <= rows[-1] <= 62 and 38 <= columns[0] <= 60 <= columns[-1] <= 82
        inside = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        assert hidden[inside].std() < 0.6 * picture[inside].std()
    beyond = picture.copy()
    augment.hide_face(beyond, np.array([-90.0, 300.0]), 30.0, rng)
    assert (beyond == picture).all()


def test_the_head_is_found_by_its_joints():
    labels = row(labels_for(1, np.random.default_rng(1)), 0)
    double = np.array([[2.0, 0, 1], [0, 2.0, 3]])
    crown, neck, middle = (labels["joints_px"][JOINTS.index(name)] for name in ("Head_top", "Thorax", "Head"))
    where, size_px = dataset.head_in(labels, double)
    assert np.allclose(where, 2 * middle + [1, 3]) and np.isclose(size_px, 2 * np.linalg.norm(crown - neck), rtol=1e-5)
    labels["weight2d"][JOINTS.index("Head")] = 0
    assert np.allclose(dataset.head_in(labels, double)[0], 2 * (0.6 * crown + 0.4 * neck) + [1, 3], atol=1e-3)
    labels["weight2d"][JOINTS.index("Thorax")] = 0
    assert dataset.head_in(labels, double) is None


def test_joints_outside_have_their_nearest_place_inside():
    labels = row(labels_for(1, np.random.default_rng(2)), 0)
    matrix = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    points = {"L_Ankle": (40, 300), "R_Ankle": (-30, 90), "L_Toe": (40, 700), "R_Wrist": (100, 100)}
    for name, point in points.items():
        labels["joints_px"][JOINTS.index(name)] = point
    cells, weight2d, _, outside, near = dataset.targets(labels, matrix, False, 256, 32)
    rows = [JOINTS.index(name) for name in points]
    assert np.allclose(cells[rows, :2], [(5, 31), (0, 11.25), (5, 87.5), (12.5, 12.5)])
    assert outside[rows].tolist() == [1, 1, 1, 0] and weight2d[rows].tolist() == [0, 0, 0, 1]
    assert near[rows].tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]]
    labels["has_depth"] = np.zeros((), np.uint8)
    assert dataset.targets(labels, matrix, False, 256, 32)[4][rows[0]].tolist() == [1, 1, 0]


def test_samples_hide_faces_where_they_are_asked_to():
    """Pictures differ round the head alone, wherever the warp took it."""
    labels = row(labels_for(1, np.random.default_rng(7)), 0)
    noise = np.random.default_rng(8).integers(0, 256, (320, 320, 3), np.uint8)
    encoded = cv2.imencode(".png", noise)[1]
    plain = augment.Settings(colour=0, grey_chance=0, blur_chance=0, noise_chance=0, erase_chance=0)
    for seed in range(5):
        seen, cells, *_ = dataset.sample(encoded, labels, 256, 32, plain, np.random.default_rng(seed))
        hidden = dataset.sample(encoded, labels, 256, 32, dataclasses.replace(plain, hide_face_chance=1.0), np.random.default_rng(seed))[0]
        y, x = np.nonzero((seen != hidden).any(axis=2))
        head, crown, neck = (cells[JOINTS.index(name), :2] * 8 for name in ("Head", "Head_top", "Thorax"))
        reach = 0.75 * np.linalg.norm(crown - neck) + 4
        assert len(x) and max(abs(x - head[0]).max(), abs(y - head[1]).max()) < reach
