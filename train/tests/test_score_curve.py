import json
from pathlib import Path

import numpy as np
import pytest

from mhp_train import decode, evaluate, looks, score_curve, skeleton, testsets


def test_finds_the_curve_that_made_the_data():
    rng = np.random.default_rng(3)
    peaks = np.exp(rng.uniform(-7, -1, 40_000))
    chance = 1 / (1 + np.exp(-(1.4 * np.log(peaks) + 5.0)))
    errors = np.where(rng.random(len(peaks)) < chance, 0.1, 0.9)
    curve = score_curve.fit(peaks, errors)
    assert abs(curve.slope - 1.4) < 0.05 and abs(curve.offset - 5.0) < 0.2


def look(*places: tuple[int, int, int, float]) -> looks.Look:
    """Every joint at cells (x, y, z), each with that probability and the rest evenly anywhere."""
    volume = np.full((32, 32, 32), (1 - sum(p for *_, p in places)) / 32 ** 3)
    for x, y, z, p in places:
        volume[z, y, x] += p
    coords = [(volume.sum(axis=axes) * np.arange(32)).sum() for axes in ((0, 1), (0, 2), (1, 2))]
    each = (np.array(coords), volume.max(), volume.sum(axis=0).ravel(), volume.sum(axis=(1, 2)))
    return looks.Look(*(np.stack([value] * 21) for value in each))


def test_what_all_looks_hold_likely_is_believed():
    """Each look wavers between two places of which one is common: that one it is, also where the looks are turned about it."""
    middle = (16, 16, 16, 0.44)
    seen = [look((10, 5, 8, 0.55), middle), look((3, 30, 24, 0.55), middle)]
    coords, score = looks.merged(seen, looks.VIEWS[::2][:2], 32)
    assert np.allclose(coords, [16, 16, 16], atol=0.6)
    _, apart = looks.merged([look((10, 5, 8, 0.7)), look((3, 30, 24, 0.7))], looks.VIEWS[::2][:2], 32)
    assert (apart < score).all(), "looks that disagree are less sure"


def test_looks_are_merged_as_the_goldens_have_it():
    """The same files that the program is tested with: 8 bytes length, JSON header, tensors."""
    data = (Path(__file__).parents[2] / "testdata" / "goldens" / "looks.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    golden = {name: np.frombuffer(data[8 + size:][slice(*entry["data_offsets"])], {"F32": np.float32, "F64": np.float64}[entry["dtype"]])
              .reshape(entry["shape"]) for name, entry in json.loads(data[8:8 + size]).items() if name != "__metadata__"}
    seen = [looks.Look(np.zeros((21, 3)), *each) for each in zip(golden["peaks"], golden["plane"], golden["depth"])]
    for name, count in (("merged_two", 2), ("merged", 6)):
        coords, score = looks.merged(seen[:count], looks.VIEWS[:count], 32)
        assert np.allclose(np.column_stack([coords, score]), golden[name], atol=1e-6), name


def test_a_turned_look_is_turned_back():
    """Turned by a right angle counter-clockwise, what was right of the middle lies above it; mirrored, left and right change besides."""
    upright = look((20, 13, 8, 0.9))
    for view, x, y in ((looks.View(90.0), 13, 31 - 20), (looks.View(-90.0), 31 - 13, 20), (looks.View(90.0, True), 31 - 13, 31 - 20)):
        plane, depth = look((x, y, 8, 0.9)).upright(view, 32)
        assert np.allclose(plane, np.log(upright.plane)) and np.allclose(depth, np.log(upright.depth)), view


def test_the_surer_look_is_believed():
    coords, _ = looks.merged([look((10, 5, 8, 0.9)), look((20, 25, 16, 0.01))], (looks.View(), looks.View()), 32)
    assert np.allclose(coords, [10, 5, 8], atol=0.5)


def test_refuses_what_does_not_rise():
    rng = np.random.default_rng(4)
    peaks = rng.uniform(0.01, 0.9, 2_000)
    with pytest.raises(ValueError, match="rise"):
        score_curve.fit(peaks, np.where(rng.random(len(peaks)) < peaks, 0.9, 0.1))
    with pytest.raises(ValueError, match="right and wrong"):
        score_curve.fit(peaks, np.zeros(len(peaks)))


def test_depths_along_the_line_of_sight_are_turned_to_the_cameras_axes():
    """Joints of somebody at the picture's border, as a network that makes no error tells them, come back in camera mm."""
    rng = np.random.default_rng(6)
    joints_mm, camera_px, centre = rng.uniform(-500, 500, (21, 3)) + [1500, -900, 4000], np.array([1000, 1100, 640, 360.0]), np.array([1000.0, 100.0])
    root = skeleton.load("muco21").root
    sight = np.array([(1000 - 640) / 1000, (100 - 360) / 1100, 1])
    depth_mm = (joints_mm - joints_mm[root]) @ sight / np.linalg.norm(sight)
    points_px = joints_mm[:, :2] / joints_mm[:, 2:] * camera_px[:2] + camera_px[2:]
    found = evaluate.camera_mm(looks.Prediction(points_px, depth_mm, np.ones(21), centre), camera_px, joints_mm[root, 2])
    assert np.allclose(found, joints_mm, atol=1e-6)


def test_all_looks_at_what_the_picture_shows_agree():
    """A predictor that finds two dots and, as networks do, takes the sides of a mirrored person for each other."""
    joints = skeleton.load("muco21")
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[60:64, 100:104, 0] = picture[70:74, 40:44, 1] = 255  # a red dot, the person's left wrist, and a green one, the right

    def predict(images):
        coords, plane = np.full((len(images), 21, 3), 16.0), np.full((len(images), 21, 1024), 1e-6)
        for image, points, planes in zip(images, coords, plane):
            mirrored = np.nonzero(image[..., 0] > 128)[1].mean() < np.nonzero(image[..., 1] > 128)[1].mean()
            for channel, name in ((0, "L_Wrist"), (1, "R_Wrist")):
                joint = joints.index(name.translate(str.maketrans("LR", "RL")) if mirrored else name)
                rows, columns = np.nonzero(image[..., channel] > 128)
                points[joint, :2] = np.array([columns.mean(), rows.mean()]) / decode.cells_to_crop_px(1, 32)
                x, y = np.floor(points[joint, :2]).astype(int)
                for column, row in ((x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)):
                    planes[joint, 32 * row + column] = np.prod(1 - np.abs(points[joint, :2] - [column, row]))
        return coords, np.full((len(images), 21), 0.1), plane, np.full((len(images), 21, 32), 1 / 32)

    case = testsets.Case(picture, np.array([10.0, 10, 140, 100]), np.zeros((21, 2)), np.zeros(21, bool), np.zeros(21, bool))
    (seen,) = evaluate.sightings(iter([case]), predict, 256)
    for name, place in (("L_Wrist", (101.5, 61.5)), ("R_Wrist", (41.5, 71.5))):
        index = joints.index(name)
        assert np.allclose(seen.one_look().points_px[index], place, atol=0.6), name
        for shown, view in zip(seen.looks, looks.VIEWS):
            plane, _ = shown.upright(view, 32)
            peak = plane[index].argmax()
            assert np.allclose([peak % 32, peak // 32], seen.looks[0].coords[index, :2], atol=0.8), (name, view)
        assert np.allclose(seen.all_looks().points_px[index], place, atol=1.2), name
