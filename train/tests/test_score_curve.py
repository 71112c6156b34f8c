import numpy as np
import pytest

from mhp_train import looks, score_curve


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
    return looks.Look(np.full((21, 2), x), np.full(21, x), np.full(21, peak), 100.0)


def test_the_surer_look_is_believed_and_disagreement_lowers_the_score():
    curve, agreement = score_curve.Curve(0.5, 1.0), score_curve.Agreement(0.5, 10.0)
    equal = looks.merged(look(10, 0.1), look(20, 0.1), curve, agreement)
    assert np.allclose(equal.points_px, 15) and np.allclose(equal.depth_mm, 15)
    sure = looks.merged(look(10, 0.1), look(20, 0.01), curve)
    odds = 10 ** (0.5 * looks.SURER)  # ratio of the weights
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
