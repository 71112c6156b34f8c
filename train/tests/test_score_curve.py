import numpy as np
import pytest

from mhp_train import score_curve


def test_finds_the_curve_that_made_the_data():
    rng = np.random.default_rng(3)
    peaks = np.exp(rng.uniform(-7, -1, 40_000))
    chance = 1 / (1 + np.exp(-(1.4 * np.log(peaks) + 5.0)))
    errors = np.where(rng.random(len(peaks)) < chance, 0.1, 0.9)
    slope, offset = score_curve.fit(peaks, errors)
    assert abs(slope - 1.4) < 0.05 and abs(offset - 5.0) < 0.2


def test_refuses_what_does_not_rise():
    rng = np.random.default_rng(4)
    peaks = rng.uniform(0.01, 0.9, 2_000)
    with pytest.raises(ValueError, match="rise"):
        score_curve.fit(peaks, np.where(rng.random(len(peaks)) < peaks, 0.9, 0.1))
    with pytest.raises(ValueError, match="right and wrong"):
        score_curve.fit(peaks, np.zeros(len(peaks)))
