"""Paths: one for a seed for ever, smooth, within the circle, and each of its own shape."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonearm_audio import Spatial
from tonearm_audio.operations import SpatialPath
from tonearm_audio.paths import path

KINDS: list[SpatialPath] = ["orbit", "figure", "random"]


@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1), speed_hz=st.floats(0.02, 1.0))
@settings(max_examples=40)
def test_a_path_is_smooth_within_the_circle_and_the_same_in_pieces_as_in_one(
    kind: SpatialPath, seed: int, speed_hz: float
) -> None:
    operation = Spatial(seed=seed, speed_hz=speed_hz, path=kind)
    times = np.arange(0, 20, 0.005)

    whole = path(operation).position(times)

    pieces = path(operation)
    parts = [pieces.position(part) for part in np.split(times, [7, 100, 101, 1999])]
    assert np.array_equal(np.concatenate([part.left for part in parts]), whole.left)
    assert np.array_equal(np.concatenate([part.before for part in parts]), whole.before)
    assert whole.distance.max() <= 1.0 + 1e-9
    steps = np.hypot(np.diff(whole.left), np.diff(whole.before))
    assert steps.max() < 2.8 * 2 * math.pi * speed_hz * 0.005
    assert np.abs(np.diff(steps)).max() < 1.5 * speed_hz**2 * 0.005 + 1e-9 or kind != "orbit"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("orbit", [-0.707530801, -0.824892087, -0.439634852]),
        ("figure", [0.81665949, -0.82498217, 0.64414515]),
        ("random", [-0.609951387, -0.614063141, 0.308603398]),
    ],
)
def test_a_seed_is_one_path_for_ever(kind: SpatialPath, expected: list[float]) -> None:
    # Renders are looked up by their recipe: a seed that came to mean another path would give two songs one name.
    found = path(Spatial(seed=7, speed_hz=0.2, path=kind)).position(np.array([0.0, 1.0, 10.0]))
    assert found.left == pytest.approx(expected, abs=1e-6)


def test_an_orbit_keeps_its_distance() -> None:
    assert path(Spatial(seed=3)).position(np.arange(0, 60, 0.1)).distance == pytest.approx(1.0)


def test_a_figure_has_a_lobe_before_and_one_behind_and_crosses_itself_above_the_listener() -> None:
    found = path(Spatial(seed=3, speed_hz=0.1, path="figure")).position(np.arange(0, 60, 0.01))
    assert (found.before.max(), found.before.min()) == pytest.approx((1.0, -1.0), abs=1e-3)
    assert (found.left.max(), found.left.min()) == pytest.approx((0.85, -0.85), abs=0.02)
    assert found.distance.min() < 0.02
    for lobe in (found.left[found.before > 0.2], found.left[found.before < -0.2]):
        assert lobe.max() > 0.8
        assert lobe.min() < -0.8
    # From left to right and back twice an eight, of which there are six.
    crossings = int(np.count_nonzero(np.diff(np.sign(found.left))))
    assert 18 <= crossings <= 30


def test_a_random_path_turns_around_comes_nearer_and_is_as_fast_as_asked_on_average() -> None:
    speeds, nearest, farthest = [], [], []
    for seed in range(20):
        found = path(Spatial(seed=seed, speed_hz=0.2, path="random")).position(np.arange(0, 60, 0.01))
        azimuth = np.unwrap(np.arctan2(found.left, found.before))
        turning = np.diff(azimuth) / (2 * math.pi * 0.01)
        assert turning.min() < 0 < turning.max()
        speeds.append(float(np.abs(turning).mean()))
        nearest.append(float(found.distance.min()))
        farthest.append(float(found.distance.max()))
    assert float(np.mean(speeds)) == pytest.approx(0.2, rel=0.15)
    assert 0.4 - 1e-9 <= min(nearest) < 0.5
    assert max(farthest) > 0.9


def test_seeds_and_kinds_are_different_paths() -> None:
    times = np.arange(0, 30, 0.5)
    found = {
        tuple(np.round(path(replace(Spatial(seed=seed), path=kind)).position(times).left, 6))
        for seed in range(10)
        for kind in ("orbit", "random")
    }
    assert len(found) == 20
