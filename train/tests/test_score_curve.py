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


def test_finds_how_much_disagreement_says():
    rng = np.random.default_rng(5)
    log_odds, apart = rng.normal(0, 1, 40_000), rng.exponential(0.1, 40_000)
    right = rng.random(len(apart)) < score_curve.chance(log_odds + 0.7 - 12 * apart)
    found = score_curve.fit_agreement(log_odds, apart, np.where(right, 0.1, 0.9))
    assert abs(found.offset - 0.7) < 0.1 and abs(found.per_side - 12) < 0.6
    with pytest.raises(ValueError, match="apart"):
        score_curve.fit_agreement(log_odds, apart, np.where(rng.random(len(apart)) < score_curve.chance(log_odds + apart), 0.1, 0.9))


def look(x: float, peak: float) -> looks.Look:
    """Every joint at the same place."""
    return looks.Look(np.full((21, 2), x), np.full(21, x), np.full(21, peak), np.zeros(2), 100.0)


def test_the_surer_look_is_believed_and_disagreement_lowers_the_score():
    curve, agreement = score_curve.Curve(0.5, 1.0), score_curve.Agreement(0.5, 10.0)
    equal = looks.merged(look(10, 0.1), look(20, 0.1), curve, agreement)
    assert np.allclose(equal.points_px, 15) and np.allclose(equal.depth_mm, 15)
    sure = looks.merged(look(10, 0.1), look(20, 0.01), curve)
    odds = 10 ** (0.5 * (looks.SURER_JOINT + looks.SURER_PERSON))  # ratio of the weights
    assert np.allclose(sure.points_px, (10 * odds + 20) / (odds + 1))
    same = looks.merged(look(10, 0.1), look(10, 0.1), curve, agreement)
    assert np.allclose(same.score, score_curve.chance(curve.log_odds(0.1) + 0.5)) and (equal.score < same.score).all()


def test_refuses_what_does_not_rise():
    rng = np.random.default_rng(4)
    peaks = rng.uniform(0.01, 0.9, 2_000)
    with pytest.raises(ValueError, match="rise"):
        score_curve.fit(peaks, np.where(rng.random(len(peaks)) < peaks, 0.9, 0.1))
    with pytest.raises(ValueError, match="right and wrong"):
        score_curve.fit(peaks, np.zeros(len(peaks)))


def test_both_looks_at_what_the_picture_shows_agree():
    """A predictor that finds two dots and, as networks do, takes the sides of a mirrored person for each other."""
    joints = skeleton.load("muco21")
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[60:64, 100:104, 0] = picture[70:74, 40:44, 1] = 255  # a red dot, the person's left wrist, and a green one, the right

    def predict(images):
        coords, peak = np.full((len(images), 21, 3), 16.0), np.full((len(images), 21), 0.1)
        for image, points in zip(images, coords):
            mirrored = np.nonzero(image[..., 0] > 128)[1].mean() < np.nonzero(image[..., 1] > 128)[1].mean()
            for channel, name in ((0, "L_Wrist"), (1, "R_Wrist")):
                name = name.translate(str.maketrans("LR", "RL")) if mirrored else name
                rows, columns = np.nonzero(image[..., channel] > 128)
                points[joints.index(name), :2] = np.array([columns.mean(), rows.mean()]) / decode.cells_to_crop_px(1, 32)
        return coords, peak

    case = testsets.Case(picture, np.array([10.0, 10, 140, 100]), np.zeros((21, 2)), np.zeros(21, bool), np.zeros(21, bool))
    ((_, straight, mirrored),) = evaluate.looks(iter([case]), predict, 256)
    for name, place in (("L_Wrist", (101.5, 61.5)), ("R_Wrist", (41.5, 71.5))):
        for look in (straight, mirrored):
            assert np.allclose(look.points_px[joints.index(name)], place, atol=0.6), name
    assert straight.apart(mirrored)[[joints.index("L_Wrist"), joints.index("R_Wrist")]].max() < 0.005
