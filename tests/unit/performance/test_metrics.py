"""The benchmark's measures: nothing for the right answer, the known figure for known mistakes."""

import numpy as np
import pytest

from tests.performance.bench import metrics
from tests.performance.bench.metrics import Samples

RATE = 44_100


def music(seconds: float = 3.0, *, hz: float = 220.0, gain: float = 0.2) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    pulses = np.exp(-(time % 0.5) * 8)
    left = gain * pulses * sum(np.sin(2 * np.pi * hz * order * time) / order for order in range(1, 9))
    right = 0.7 * left + 0.05 * np.sin(2 * np.pi * 3 * hz * time)
    return np.stack([left, right], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("estimate", "truths", "acc1", "acc2"),
    [
        (120.0, [120.0], True, True),
        (124.8, [120.0], True, True),
        (124.9, [120.0], False, False),
        (60.0, [120.0], False, True),
        (240.0, [120.0], False, True),
        (40.0, [120.0], False, True),
        (360.0, [120.0], False, True),
        (90.0, [120.0], False, False),
        (128.0, [104.0, 128.0], True, True),
        (None, [120.0], False, False),
        (0.0, [120.0], False, False),
    ],
)
def test_a_tempo_is_right_within_four_percent_and_its_octaves_count_for_acc2(
    estimate: float | None, truths: list[float], acc1: bool, acc2: bool
) -> None:
    assert metrics.tempo_is_right(estimate, truths) is acc1
    assert metrics.tempo_is_right(estimate, truths, octaves=True) is acc2


def test_beats_are_scored_as_mir_eval_scores_them() -> None:
    truth = [0.5 * n for n in range(60)]
    counted = [time for time in truth if time >= 5]

    assert metrics.beat_f_measure(truth, truth) == 1.0
    assert metrics.beat_f_measure([time + 0.069 for time in truth], truth) == 1.0
    assert metrics.beat_f_measure([time + 0.1 for time in truth], truth) == 0.0
    # Every second beat: all right, half of them found
    assert metrics.beat_f_measure(counted[::2], truth) == pytest.approx(2 / 3)
    # Twice as many: half of them right, all found
    assert metrics.beat_f_measure([0.25 * n for n in range(20, 119)], truth) == pytest.approx(100 / 149)
    # What comes before the fifth second is not counted, and one beat is not found twice
    assert metrics.beat_f_measure([1.0, 2.0, *counted], truth) == 1.0
    assert metrics.beat_f_measure([5.0, 5.01], [5.0]) == pytest.approx(2 / 3)
    assert metrics.beat_f_measure([], truth) == 0.0


@pytest.mark.parametrize(
    ("estimate", "truth", "score"),
    [
        ("C major", "C major", 1.0),
        ("Db minor", "C# minor", 1.0),
        ("G major", "C major", 0.5),
        ("F major", "C major", 0.0),
        ("A minor", "C major", 0.3),
        ("C major", "A minor", 0.3),
        ("C minor", "C major", 0.2),
        ("E major", "C major", 0.0),
        (None, "C major", 0.0),
        ("unknown", "C major", 0.0),
    ],
)
def test_keys_are_scored_as_mirex_scores_them(estimate: str | None, truth: str, score: float) -> None:
    assert metrics.key_score(estimate, truth) == score


def test_the_distance_to_itself_is_nothing_and_grows_with_the_mistake() -> None:
    song = metrics.middle(music())
    other_gain, other_pitch = metrics.middle(music(gain=0.1)), metrics.middle(music(hz=220 * 2 ** (1 / 12)))
    late = np.concatenate([np.zeros(RATE // 50, np.float32), song])

    assert metrics.log_mel_distance(song, song, RATE) == 0.0
    assert metrics.log_mel_distance(song, song[:-5000], RATE) == 0.0
    # Half as loud is 6 dB, but for what falls below the floor
    assert 4.5 < metrics.log_mel_distance(other_gain, song, RATE) < 6.03
    assert metrics.log_mel_distance(late, song, RATE) > 0.5
    assert metrics.log_mel_distance(other_pitch, song, RATE) > metrics.log_mel_distance(late, song, RATE)
    # Silence and what is far below the song do not count
    assert metrics.log_mel_distance(song + np.float32(1e-7), song, RATE) < 0.05
    with pytest.raises(ValueError, match="shorter than a window"):
        metrics.log_mel_distance(song[:100], song, RATE)


def test_stereo_correlation_tells_one_signal_from_two() -> None:
    random = np.random.default_rng(3)
    line, other = random.standard_normal((2, RATE)).astype(np.float32)

    assert metrics.stereo_correlation(np.stack([line, line], axis=1)) == pytest.approx(1.0)
    assert metrics.stereo_correlation(np.stack([line, -line], axis=1)) == pytest.approx(-1.0)
    assert abs(metrics.stereo_correlation(np.stack([line, other], axis=1))) < 0.02


@pytest.mark.parametrize("cents", [0.0, 0.05, -3.0, 40.0])
def test_a_pitch_is_found_to_a_thousandth_of_a_cent(cents: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ratio = 2 ** (cents / 1200)
    monkeypatch.setattr(metrics, "TONES_HZ", tuple(hz * ratio for hz in metrics.TONES_HZ))
    off = metrics.tones(RATE)
    monkeypatch.undo()

    assert metrics.worst_cents(off, RATE) == pytest.approx(abs(cents), abs=0.001)
    assert metrics.worst_cents(off, RATE, ratio=ratio) == pytest.approx(0.0, abs=0.001)


def test_clicks_count_within_two_milliseconds() -> None:
    song, times = metrics.click_track(RATE)

    assert metrics.clicks_in_time(song, RATE, times) == 1.0
    assert metrics.clicks_in_time(song, RATE, [time + 0.0015 for time in times]) == 1.0
    assert metrics.clicks_in_time(song, RATE, [time + 0.003 for time in times]) == 0.0
    half = [time + 0.003 * (index % 2) for index, time in enumerate(times)]
    assert metrics.clicks_in_time(song, RATE, half) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_loudness_is_that_of_ebu_tech_3341(rate: int) -> None:
    def sine(parts: list[tuple[float, float]]) -> Samples:
        level = np.concatenate([np.full(round(seconds * rate), 10 ** (dbfs / 20)) for dbfs, seconds in parts])
        line = level * np.sin(2 * np.pi * 1000 * np.arange(len(level)) / rate)
        return np.stack([line, line], axis=1).astype(np.float32)

    # Cases 1 to 4: steady, soft, and soft parts that the gates leave out
    assert metrics.integrated_lufs(sine([(-23, 20)]), rate) == pytest.approx(-23, abs=0.05)
    assert metrics.integrated_lufs(sine([(-33, 20)]), rate) == pytest.approx(-33, abs=0.05)
    assert metrics.integrated_lufs(sine([(-36, 10), (-23, 60), (-36, 10)]), rate) == pytest.approx(-23, abs=0.05)
    gated = sine([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)])
    assert metrics.integrated_lufs(gated, rate) == pytest.approx(-23, abs=0.05)
    assert metrics.integrated_lufs(np.zeros((rate, 2), np.float32), rate) == float("-inf")
    # The gate is 10 LU below, and looks at 400 ms at a time
    assert metrics.integrated_lufs(sine([(-23, 20), (-35, 20)]), rate) == pytest.approx(-25.74, abs=0.05)
    bursts = sine([(-23, 0.1), (-120, 0.9)] * 10)
    assert metrics.integrated_lufs(bursts, rate) == pytest.approx(-29.0, abs=0.2)


def test_a_true_peak_between_the_samples_is_found() -> None:
    # Given a sine at a quarter of the rate whose samples all lie 3 dB below its peaks
    line = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4) * np.hanning(RATE)
    song = np.stack([line, 0.1 * line], axis=1).astype(np.float32)

    assert 20 * np.log10(np.abs(song).max()) == pytest.approx(-3.01, abs=0.01)
    assert metrics.true_peak_dbtp(song, RATE) == pytest.approx(0.0, abs=0.01)


def test_the_spectra_of_a_louder_copy_are_the_same() -> None:
    song = music()
    tilted = np.diff(song, axis=0, prepend=0).astype(np.float32)

    assert metrics.spectrum_distance_db(0.3 * song, song, RATE) == pytest.approx(0.0, abs=0.01)
    assert metrics.spectrum_distance_db(tilted, song, RATE) > 3
