"""The detector: geometry, targets, losses, pictures, the loop, export."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mhp_train import checkpoint, crop, skeleton, store
from mhp_train import dataset as crops
from mhp_train.detector import among_others, boxes, composites, config, crowd, dataset, evaluate, export, false_alarms, losses, network, photos, relabel, shards, train, weights
from mhp_train.network import build, parameter_count

RUNS = Path(__file__).resolve().parents[1] / "runs"
TEXT = """
name = "tiny"
minutes = 100.0
log_steps = 1
[sources]
crowds = "{crowds}"
photographs = "{photographs}"
panoramas = "{panoramas}"
[[phases]]
until = 1.0
input_px = 64
batch = 4
frozen_blocks = 3
"""


def slow_iou(a, b):
    """By counting cells of a fine grid."""
    grid = (np.stack(np.meshgrid(np.arange(400), np.arange(400)), -1).reshape(-1, 2) + 0.5) / 10
    inside = [((grid >= box[:2]) & (grid < box[2:])).all(axis=1) for box in (a, b)]
    return (inside[0] & inside[1]).sum() / max(1, (inside[0] | inside[1]).sum())


def random_boxes(rng, count, side=40.0):
    corners = rng.uniform(0, side, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def test_iou_agrees_with_counting():
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 6), random_boxes(rng, 5)
    table = boxes.iou(a, b)
    for i in range(6):
        for j in range(5):
            assert abs(table[i, j] - slow_iou(a[i], b[j])) < 0.03
    _, plain = boxes.giou(torch.tensor(a[:5]), torch.tensor(b))
    assert np.allclose(plain.numpy(), np.diag(table[:5]), atol=1e-6)


def test_giou_punishes_distance():
    a = torch.tensor([[0.0, 0, 10, 10]]).repeat(3, 1)
    b = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [90, 0, 100, 10]])
    value, _ = boxes.giou(a, b)
    assert value[0] == 1 and 0 > value[1] > value[2] > -1


def test_nms_keeps_the_best_of_each_heap():
    rng = np.random.default_rng(1)
    many, scores = random_boxes(rng, 60), rng.random(60)
    kept = boxes.nms(many, scores, 0.4)
    assert (np.diff(scores[kept]) <= 0).all()
    table = boxes.iou(many[kept], many[kept]) - np.eye(len(kept))
    assert table.max() <= 0.4
    for lost in set(range(60)) - set(kept.tolist()):
        over = boxes.iou(many[lost:lost + 1], many[kept])[0] > 0.4
        assert (scores[kept][over] >= scores[lost]).any()


@pytest.mark.parametrize("shape, content", [((100, 200), (384, 192)), ((640, 480), (240, 320)), ((320, 384), (384, 320))])
def test_letterbox_fills_the_top_left(shape, content):
    canvas, scale = boxes.letterbox(np.full((*shape, 3), 7, np.uint8), 384, 320)
    assert canvas.shape == (320, 384, 3) and scale == pytest.approx(content[0] / shape[1])
    assert (canvas[:content[1], :content[0]] == 7).all()
    outside = np.ones((320, 384), bool)
    outside[:content[1], :content[0]] = False
    assert (canvas[outside] == boxes.GREY).all()


def test_every_person_has_a_location_and_the_smallest_wins():
    centres, strides = network.locations(320, 320)
    rng = np.random.default_rng(2)
    for _ in range(200):
        size = np.exp(rng.uniform(np.log(8), np.log(320), 2))
        low = rng.uniform(0, 320 - size)
        box = torch.tensor(np.concatenate([low, low + size]), dtype=torch.float32)[None, None]
        assigned = losses.assign(box, torch.tensor([1]), centres, strides)
        assert (assigned == 0).any()
        assert (losses.assign(box, torch.tensor([0]), centres, strides) == -1).all()
    pair = torch.tensor([[[100.0, 100, 160, 160], [110, 110, 170, 165]]])
    assigned = losses.assign(pair, torch.tensor([2]), centres, strides)
    middle = ((centres - torch.tensor([138.0, 136.0])).abs().sum(dim=1) + (strides - 8).abs()).argmin()
    assert assigned[0, middle] == 1


def test_decode_and_loss_find_a_perfect_answer():
    centres, strides = network.locations(64, 64)
    people, count = torch.tensor([[[10.0, 12, 40, 60]]]), torch.tensor([1])
    raw = torch.full((1, 5, len(centres)), -12.0)
    assigned = losses.assign(people, count, centres, strides)[0] >= 0
    raw[0, 0, assigned] = 12.0
    sides = torch.stack([centres[:, 0] - 10, centres[:, 1] - 12, 40 - centres[:, 0], 60 - centres[:, 1]])
    raw[0, 1:, assigned] = torch.log(sides / strides)[:, assigned]
    answered = network.decode(raw, centres, strides)[0, assigned]
    assert torch.allclose(answered, people[0].expand_as(answered), atol=1e-3)
    total, terms = losses.loss(raw, people, count, torch.ones(1, len(centres)), centres, strides, losses.Weights())
    assert total < 1e-3 and terms["iou"] > 0.999


def test_doubtful_places_do_not_contradict_a_sure_score():
    centres, strides = network.locations(64, 64)
    none = torch.zeros(1, 1, 4), torch.tensor([0])
    raw = torch.zeros(1, 5, len(centres), requires_grad=True)  # scores 0.5
    sure, _ = losses.loss(raw, *none, torch.ones(1, len(centres)), centres, strides, losses.Weights())
    doubtful, _ = losses.loss(raw, *none, torch.full((1, len(centres)), 0.5), centres, strides, losses.Weights())
    assert sure > 1 and doubtful == 0


def test_person_box_holds_all_joints_and_grows_with_the_person():
    joints = skeleton.load("muco21")
    rng = np.random.default_rng(3)
    points = rng.uniform(50, 150, (21, 2)).astype(np.float32)
    box = photos.person_box(points, np.ones(21, bool))
    assert (box[:2] < points.min(0)).all() and (box[2:] > points.max(0) + 1).all()
    twice = photos.person_box(points * 2 + 0.5, np.ones(21, bool))  # + 0.5: pixel centres lie at integers, edges scale
    assert np.allclose(twice, box * 2, atol=1e-2)
    some = np.ones(21, bool)
    some[joints.index("Head_top")] = False
    assert np.isfinite(photos.person_box(points, some)).all()


def test_view_of_a_panorama_looks_where_it_says():
    panorama = np.zeros((180, 360, 3), np.uint8)
    panorama[60:120, 175:185] = 255  # straight ahead, at the horizon
    ahead, behind = (photos.view(panorama, yaw, 0, 60, (80, 60)) for yaw in (0, 180))
    assert ahead[30, 40].max() == 255 and behind.max() == 0
    assert photos.view(panorama, 20, 0, 60, (80, 60))[30, :30].max() == 255  # turned to the right, it moves to the left


def striped(rng, width, height, count):
    """A picture with red rectangles for people, and their boxes."""
    rgb = np.full((height, width, 3), 30, np.uint8)
    found = []
    for _ in range(count):
        w, h = rng.integers(12, 40), rng.integers(30, 70)
        x, y = rng.integers(0, width - w), rng.integers(0, height - h)
        rgb[y:y + h, x:x + w] = (220, 40, 40)
        found.append((x, y, x + w, y + h))
    return rgb, np.array(found, np.float32).reshape(-1, 4)


def test_cut_keeps_boxes_on_the_people():
    rng = np.random.default_rng(4)
    for trial in range(60):
        rgb, people = striped(rng, 200, 150, 1)
        fill = trial % 2 == 0
        part = dataset.cut(dataset.Picture(rgb, people, np.ones(1, bool)), (160, 128), fill, 160, rng)
        assert part.rgb.shape[1] <= 160 and part.rgb.shape[0] <= 128 and (not fill or part.rgb.shape == (128, 160, 3))
        red = part.rgb[..., 0] > 125
        if part.person.any():
            rows, columns = (np.flatnonzero(red.any(axis)) for axis in (1, 0))
            seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            assert np.abs(part.boxes[0] - seen).max() <= 2.5


@pytest.fixture
def sources(tmp_path):
    """Folders with two kinds of pictures; backdrops as the real archives have them, without any."""
    rng = np.random.default_rng(5)
    pictures = [striped(rng, 120, 90, n) for n in (0, 1, 3, 2)]
    shards.write_shard(tmp_path / "crowds" / "a.npz", [cv2.imencode(".png", p)[1].ravel() for p, _ in pictures],
                       [(120, 90)] * 4, [b for _, b in pictures], [np.ones(len(b), np.uint8) for _, b in pictures], "{}")
    (tmp_path / "photographs").mkdir()
    return tmp_path


def test_shards_give_back_what_was_written(sources):
    shard = shards.read_shard(sources / "crowds" / "a.npz")
    assert [len(shard[i][1]) for i in range(4)] == [0, 1, 3, 2]
    rgb, people = striped(np.random.default_rng(5), 120, 90, 0)
    assert np.array_equal(cv2.imdecode(shard[0][0], cv2.IMREAD_COLOR), rgb) and len(people) == 0
    np.savez(sources / "broken.npz", jpeg=np.zeros(1))
    with pytest.raises(ValueError, match="lacks offset"):
        shards.read_shard(sources / "broken.npz")


def test_batches_repeat_and_boxes_lie_in_the_picture(sources):
    def batch(step):
        return dataset.Mixer([dataset.Crowds(sources / "crowds"), dataset.Photographs(sources / "photographs", 0.4)], [0.5, 0.5], 3).batch(step, 6, 128)

    first, again, other = batch(7), batch(7), batch(8)
    assert torch.equal(first.image, again.image) and torch.equal(first.boxes, again.boxes) and not torch.equal(first.image, other.image)
    assert first.trust.shape == (6, len(network.locations(128, 128)[0]))
    for people, count in zip(first.boxes, first.count):
        assert (people[:count] >= 0).all() and (people[:count] <= 128).all() and (people[:count, 2:] > people[:count, :2]).all()


def test_encoder_comes_from_the_pose_network(tmp_path):
    torch.manual_seed(0)
    pose = build("xs", 21)
    path = tmp_path / "pose.ckpt"
    checkpoint.save(path, {"network": pose.state_dict(), "ema": {}})
    detector = network.Detector()
    weights.take_encoder(detector, path)
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(detector.eval().inv_residual(detector.first_conv(x)), pose.eval().inv_residual(pose.first_conv(x)))
    checkpoint.save(path, {"network": build("s", 21).state_dict(), "ema": {}})
    with pytest.raises(checkpoint.CheckpointError, match="not that of an XS"):
        weights.take_encoder(detector, path)


def test_network_is_small_and_frozen_blocks_rest():
    detector = network.Detector().train()
    assert parameter_count(detector) <= 1_200_000
    network.freeze_blocks(detector, 3)
    detector(torch.rand(2, 3, 64, 128)).sum().backward()
    resting = [name for name, p in detector.named_parameters() if p.grad is None]
    assert resting and all(name.startswith(("first_conv.", "inv_residual.0.", "inv_residual.1.", "inv_residual.2.")) for name in resting)
    before = detector.first_conv[1].running_mean.clone()
    detector(torch.rand(2, 3, 64, 64))
    assert torch.equal(before, detector.first_conv[1].running_mean)
    network.freeze_blocks(detector, 0)
    assert all(p.requires_grad for p in detector.parameters())


def test_the_loop_learns_saves_and_goes_on(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "Empty", lambda panoramas: dataset.Crowds(sources / "crowds"))
    run = config.parse(TEXT.format(crowds=sources / "crowds", photographs=sources / "photographs", panoramas=sources))
    out = tmp_path / "out"
    train.train(run, "the text", out, stop_minutes=0.02)
    first = checkpoint.load(out / "last.ckpt")
    train.train(run, "the text", out, resume=out / "last.ckpt", stop_minutes=0.0)  # a single step
    second = checkpoint.load(out / "last.ckpt")
    assert second["step"] == first["step"] + 1 and second["minutes"] > first["minutes"]
    checkpoint.pack(out / "last.ckpt", tmp_path / "small.ckpt")
    train.train(run, "", tmp_path / "again", resume=tmp_path / "small.ckpt", stop_minutes=0.0)


def test_run_file_is_valid_and_unknown_keys_fail():
    run = config.parse((RUNS / "detector.toml").read_text(encoding="utf-8"))
    assert run.phases[-1].until == 1.0
    with pytest.raises(config.ConfigError, match="unknown keys speed"):
        config.parse((RUNS / "detector.toml").read_text(encoding="utf-8"), ["--optimiser.speed=3"])


def test_export_agrees_and_carries_its_metadata(tmp_path, monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(1)
    worst = export.export(export.Options(score=0.35), tmp_path / "detector.onnx")
    assert worst["boxes, px"] < export.BOX_LIMIT_PX
    session = onnxruntime.InferenceSession(str(tmp_path / "detector.onnx"), providers=["CPUExecutionProvider"])
    meta = session.get_modelmeta().custom_metadata_map
    assert meta["mhp.kind"] == "detector" and meta["mhp.score_threshold"] == "0.35" and json.loads(meta["mhp.accuracy"]) == {}
    found = session.run(["boxes", "scores"], {"image": np.zeros((2, 3, 320, 384), np.float32)})
    assert found[0].shape == (2, 2520, 4) and found[1].shape == (2, 2520) and 0 <= found[1].min() <= found[1].max() <= 1


def test_measuring_counts_hits_misses_and_what_does_not_count():
    person = np.array([[10.0, 10, 50, 110]])
    case = evaluate.Case(np.zeros((200, 200, 3), np.uint8), person, np.array([[100.0, 100, 120, 140]]), np.array([[150.0, 0, 200, 200]]), 60.0)
    finds = np.array([[11.0, 11, 50, 112], [12, 10, 50, 105], [100, 101, 121, 141], [155, 10, 195, 90], [60, 60, 70, 80], [60, 10, 100, 110]])
    right, wrong, best = evaluate.matched(case, finds, np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]))
    assert right.tolist() == [0.9] and best.tolist() == [0.9]
    assert wrong.tolist() == [0.8, 0.4]  # the double and the tall one over nobody; small, spare and in a crowd: no matter
    assert evaluate.wilson(5, 10) == "50.0 % [23.7, 76.3], n 10"


def test_others_in_photographs_become_people_doubts_or_nothing():
    labelled = np.array([10.0, 10, 60, 110])
    same, inside, touching, sure, seen, nobody, small, weak, elsewhere, never = found = np.array([
        [12.0, 8, 61, 112], [15, 60, 50, 108], [40, 10, 90, 110], [80, 10, 120, 110], [130, 20, 150, 90], [160, 20, 180, 90], [190, 20, 200, 50],
        [210, 20, 240, 90], [250, 20, 280, 90], [290, 20, 300, 90]])
    says = {tuple(touching): (-3, 0.7), tuple(sure): (-3, 0.7), tuple(seen): (-5, 0.7), tuple(nobody): (-7, 0.7), tuple(small): (-7, 0.7), tuple(weak): (-3, 0.7),
            tuple(elsewhere): (-3, 0.1)}
    limits = relabel.Limits(sure=0.4, doubtful=0.1, sure_peak=-4.0, empty_peak=-6.0, judged_px=50.0, fits_iou=0.4)
    people, person = relabel.everybody(labelled, found, np.array([0.9, 0.8, 0.7, 0.7, 0.6, 0.6, 0.2, 0.2, 0.6, 0.01]), limits,
                                       lambda asked: tuple(np.array([says[tuple(box)] for box in asked], float).T))
    assert np.array_equal(people, [labelled, touching, sure, seen, small, weak, elsewhere])
    assert person.tolist() == [1, 0, 1, 0, 0, 0, 0]


def test_the_pose_network_judges_the_crop_about_the_box():
    rgb = np.zeros((80, 100, 3), np.uint8)
    rgb[20:60, 30:50] = 200
    shown = []

    def pose(images):
        shown.append(images)
        cells = np.zeros((len(images), 21, 3))
        cells[:, 0, :2], cells[:, 1:, :2] = 0, 8 / 1.25  # from the crop's corner to four fifths of its side: cells of 8 px
        return cells, images.mean(axis=(1, 2, 3))[:, None] / 255 * np.ones(21)

    peaks, fits = relabel.judged(rgb, np.array([[30.0, 20, 50, 60], [70, 20, 90, 60]]), pose, 64)
    assert shown[0].shape == (2, 64, 64, 3) and np.exp(peaks[0]) == pytest.approx(200 / 255 * 20 * 40 / (40 * 1.2 * 1.25) ** 2, rel=0.1)
    side = 40 * 1.2 * 1.25
    joints = np.array([40 - side / 2, 40 - side / 2, 40 + side * 0.3, 40 + side * 0.3])
    assert fits[0] == pytest.approx(evaluate.iou(np.array([[30.0, 20, 50, 60]]), joints[None])[0, 0], abs=0.03)
    assert peaks[1] == pytest.approx(np.log(relabel.SMALLEST_PEAK))
    assert all(part.shape == (0,) for part in relabel.judged(rgb, np.zeros((0, 4)), pose, 64))


def test_views_that_disagree_lower_the_score():
    sure = np.array([[10.0, 10, 50, 90]])
    both, mean = relabel.merged([(sure, np.array([0.8])), (sure + 1, np.array([0.6]))])
    assert len(both) == 1 and mean[0] == pytest.approx(0.7)
    once, halved = relabel.merged([(sure, np.array([0.8])), (np.zeros((0, 4)), np.zeros(0))])
    assert len(once) == 1 and halved[0] == pytest.approx(0.4)


def painted_person(rng, height, width):
    """A picture with somebody of one colour before grass, and the joints [21,2]."""
    joints = skeleton.load("muco21")
    places = {"Head_top": (60, 20), "Thorax": (60, 42), "L_Shoulder": (72, 45), "R_Shoulder": (48, 45), "L_Hip": (68, 85), "R_Hip": (52, 85),
              "L_Elbow": (76, 62), "R_Elbow": (44, 62), "L_Wrist": (76, 80), "R_Wrist": (44, 80), "L_Knee": (68, 110), "R_Knee": (52, 110),
              "L_Ankle": (68, 135), "R_Ankle": (52, 135)}
    points, labelled = np.zeros((21, 2), np.float32), np.zeros(21, bool)
    for name, place in places.items():
        points[joints.index(name)], labelled[joints.index(name)] = place, True
    named = {name: np.array(place, float) for name, place in places.items()}
    body = composites.skeleton_mask(named, (height, width), composites.FLESH * 40, 0.34 * 22)
    rgb = np.clip(np.array([40, 140, 50]) + rng.normal(0, 8, (height, width, 3)), 0, 255)
    rgb[body] = np.array([200, 60, 60]) + rng.normal(0, 8, (int(body.sum()), 3))
    return np.clip(rgb, 0, 255).astype(np.uint8), points, labelled, body


def test_people_are_cut_out_along_their_edges():
    rgb, points, labelled, body = painted_person(np.random.default_rng(6), 150, 120)
    person = composites.cut_out(rgb, points, labelled)
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    wanted = body[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    assert person.upright and np.abs(np.array(person.rgba.shape[:2]) - wanted.shape).max() <= 4
    assert abs(int((person.rgba[..., 3] > 127).sum()) / wanted.sum() - 1) < 0.1
    labelled[skeleton.load("muco21").index("L_Hip")] = False
    assert composites.cut_out(rgb, points, labelled) is None


def test_average_precision_is_the_area_under_the_curve():
    assert evaluate.average_precision(np.array([0.9, 0.8]), np.array([0.1]), 2) == 1.0
    assert evaluate.average_precision(np.array([0.9, 0.5]), np.array([0.7]), 4) == pytest.approx((1 + 2 / 3) / 4)
    assert evaluate.average_precision(np.array([0.4]), np.array([0.9]), 1) == 0.5
    assert evaluate.average_precision(np.array([]), np.array([0.3]), 5) == 0.0


@pytest.mark.parametrize("flip", [False, True])
def test_joints_follow_the_person_that_is_shown(flip):
    """A dot painted at a joint is found where the shown person's joint lies, and left stays the person's left."""
    joints = skeleton.load("muco21")
    elbow = joints.index("L_Elbow")
    points, known = np.zeros((21, 2)), np.zeros(21, bool)
    points[elbow], known[elbow] = (30, 12), True
    rgba = np.zeros((60, 40, 4), np.uint8)
    cv2.circle(rgba, (30, 12), 3, (200, 200, 200, 255), -1)
    shown = composites.shown(composites.CutOut(rgba, True, points, known), 2.0, flip, np.random.default_rng(0))
    place = joints.mirror_index[elbow] if flip else elbow
    assert shown.known.sum() == 1 and shown.known[place]
    rows, columns = np.nonzero(shown.rgba[..., 0] > 60)
    assert np.allclose(shown.joints_px[place], [columns.mean(), rows.mean()], atol=0.6)


def test_somebody_among_others_keeps_the_labels_of_covered_joints(tmp_path):
    points, known = np.full((21, 2), 20.0), np.zeros(21, bool)
    points[:8, 1], known[:8] = np.arange(5, 85, 10), True
    points[0] = (20, -6)  # above the picture
    person = composites.Placed(points, known, 1)
    owner = np.zeros((90, 60), np.int32)
    owner[:40] = 1
    owner[40:] = 2
    picture = composites.Group(np.zeros((90, 60, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.uint8), (person,), owner)
    assert among_others.inside(person, (90, 60)).tolist() == [False] + [True] * 7 + [False] * 13
    labels = among_others.labels_of([(picture, person)])
    assert labels["visible"][0, :9].tolist() == [0, 2, 2, 2, 1, 1, 1, 1, 0]
    assert labels["weight2d"][0].sum() == 8 and labels["box_px"][0].tolist() == [20, 15, 0, 60]
    store.write(tmp_path / "one.npz", [composites.encoded(picture.rgb).tobytes()], labels)
    assert len(store.read(tmp_path / "one.npz")) == 1


def test_only_those_who_are_large_enough_are_chosen():
    joints = skeleton.load("muco21")
    points = np.stack([np.full(21, 30.0), np.linspace(60, 5, 21)], axis=1)
    points[joints.index("Head_top")] = (30, 2)
    owner = np.zeros((90, 60), np.int32)
    large, small = (composites.Placed(points * scale, np.ones(21, bool), number) for number, scale in ((1, 1.0), (2, 0.3)))
    picture = composites.Group(np.zeros((90, 60, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.uint8), (small, large), owner)
    assert all(among_others.chosen(np.random.default_rng(seed), picture) is large for seed in range(5))
    nobody = composites.Group(picture.rgb, picture.boxes, picture.person, (small,), owner)
    assert among_others.chosen(np.random.default_rng(0), nobody) is None


def test_pasting_marks_what_is_seen_at_the_border():
    picture, owner = np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), np.int32)
    block = np.full((20, 10, 4), 255, np.uint8)
    composites.paste(picture, owner, block, -4, 30, 3)
    assert (owner == 3).sum() == 6 * 10 and (picture[30:, :6] == 255).all() and not picture[:30].any()
    composites.paste(picture, owner, block, 60, 0, 4)
    assert not (owner == 4).any()


def test_near_cameras_see_a_part_of_the_person_over_the_origin():
    for seed in range(50):
        camera, rotation, center = crowd.draw_near_camera(np.random.default_rng(seed), 400)
        column = np.array([[0.0, y, 0.0] for y in range(0, 1701, 20)])
        points = (column - center) @ rotation.T
        seen = camera.project(points[points[:, 2] > 0])
        inside = ((seen >= 0) & (seen < [camera.width_px, camera.height_px])).all(axis=1).sum()
        assert 0.15 * len(column) < inside < 0.95 * len(column), f"seed {seed}: {inside} of {len(column)}"


def test_false_alarms_lie_where_the_detector_saw_somebody(sources):
    seen = np.array([[0.0, 0, 40, 10], [5, 8, 40, 70]])  # the first one is too low

    def predictor(canvas):
        scale = min(export.INPUT_WIDTH_PX / part[0], export.INPUT_HEIGHT_PX / part[1])
        return seen * scale, np.array([0.9, 0.3])

    class Backdrop:
        def draw(self, rng):
            return dataset.Picture(np.zeros((90, 120, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, bool))

    for seed in range(20):
        draws = np.random.default_rng(seed)
        part = np.round(np.array([120, 90]) * draws.uniform(false_alarms.LEAST_SHARE, 1.0)).astype(int)
        if part[1] < 72 or part[0] < 42:
            continue
        start = draws.integers(np.array([120, 90]) - part + 1)
        rgb, box = false_alarms.of_backdrop(np.random.default_rng(seed), Backdrop(), predictor)
        assert rgb.shape == (90, 120, 3) and np.allclose(box, seen[1] + np.tile(start, 2), atol=1e-6)


def test_crops_without_people_show_nobody_and_every_joint_lies_outside(sources):
    photographs, rng = dataset.Crowds(sources / "crowds"), np.random.default_rng(3)
    for _ in range(30):
        rgb, box = false_alarms.of_photograph(rng, photographs)
        x1, y1, x2, y2 = np.clip(np.round(false_alarms.cropped(box, 120, 90)), 0, [120, 90] * 2).astype(int)
        assert box[3] - box[1] >= false_alarms.LEAST_PX - 1e-6 and not (rgb[y1:y2, x1:x2, 0] == 220).any()
        labels = {key: values[0] for key, values in false_alarms.labels_of([rgb], [box]).items()}
        assert np.allclose(crop.grown(labels["box_px"]), false_alarms.extent(box), atol=1e-3)
        encoded = cv2.imencode(".png", rgb)[1].ravel()
        image, _, weight2d, weight_z, outside, near = crops.sample(encoded, labels, 64, 32, crops.augment.Settings(), rng)
        assert image.shape == (64, 64, 3) and not weight2d.any() and not weight_z.any() and outside.all() and not near.any()
