"""What the benchmark measures by: own small implementations, independent of the engine's.

Beats and keys are scored as mir_eval 0.8 does (Raffel et al., ISMIR 2014), loudness as BS.1770-4 says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

TEMPO_TOLERANCE = 0.04
BEAT_WINDOW_S = 0.07
FIRST_BEAT_S = 5.0
"""Beats before it are not counted, as in mir_eval: a tracker may need some seconds to settle."""

_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def tempo_is_right(estimate: float | None, truths: Sequence[float], *, octaves: bool = False) -> bool:
    """Whether a tempo lies within 4 % of a true one (Acc1), or of its double, triple, half or third (Acc2)."""
    if not estimate:
        return False
    right = [truth * factor for truth in truths for factor in ((1, 2, 3, 1 / 2, 1 / 3) if octaves else (1,))]
    # A hair's breadth more: 4 % exactly is right in any arithmetic.
    return any(abs(estimate - tempo) <= TEMPO_TOLERANCE * tempo + 1e-9 for tempo in right)


def beat_f_measure(estimates: Sequence[float], truths: Sequence[float]) -> float:
    """Share of beats found within 70 ms, each estimate counted once: 2 PR / (P + R)."""
    found = sorted(time for time in estimates if time >= FIRST_BEAT_S)
    wanted = sorted(time for time in truths if time >= FIRST_BEAT_S)
    if not found or not wanted:
        return 0.0
    # Both in order and one window for all: taking each first possible pair gives the most pairs.
    hits = here = there = 0
    while here < len(found) and there < len(wanted):
        apart = found[here] - wanted[there]
        if abs(apart) <= BEAT_WINDOW_S:
            hits, here, there = hits + 1, here + 1, there + 1
        elif apart < 0:
            here += 1
        else:
            there += 1
    return 2 * hits / (len(found) + len(wanted))


def parse_key(name: str | None) -> tuple[int, str] | None:
    """Pitch class and mode of a key as in "F# minor"; None for none, or for words that name no key."""
    parts = (name or "").replace(":", " ").split()
    if len(parts) != 2:
        return None
    tonic, mode = _FLATS.get(parts[0], parts[0]), {"maj": "major", "min": "minor"}.get(parts[1], parts[1])
    return (_NOTES.index(tonic), mode) if tonic in _NOTES and mode in {"major", "minor"} else None


def key_score(estimate: str | None, truth: str) -> float:
    """MIREX's: 1 the key, 0.5 a fifth above it, 0.3 its relative, 0.2 its parallel, 0 any other."""
    guess, right = parse_key(estimate), parse_key(truth)
    if guess is None or right is None:
        return 0.0
    apart = (guess[0] - right[0]) % 12
    if guess[1] == right[1]:
        return {0: 1.0, 7: 0.5}.get(apart, 0.0)
    relative = 9 if right[1] == "major" else 3
    return 0.2 if apart == 0 else 0.3 if apart == relative else 0.0


# --- Likeness -------------------------------------------------------------------------------------------------------

_MEL_BANDS, _WINDOW, _HOP = 96, 2048, 512
_FLOOR_DB = 60.0


@cache
def _mel_filters(rate_hz: int) -> Array:
    """Triangles from 40 Hz to 16 kHz, even on the mel scale, each as wide as two steps."""
    edges = 700 * (10 ** (np.linspace(_mel(40), _mel(16_000), _MEL_BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(_WINDOW, 1 / rate_hz)
    rising = (hz[None, :] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hz[None, :]) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    # A band narrower than a bin takes its nearest one.
    for band in np.flatnonzero(filters.sum(axis=1) == 0):
        filters[band, int(np.argmin(np.abs(hz - edges[band + 1])))] = 1.0
    return filters / filters.sum(axis=1, keepdims=True)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _log_mel(signal: Samples, rate_hz: int, floor: float) -> Array:
    frames = np.lib.stride_tricks.sliding_window_view(signal, _WINDOW)[::_HOP]
    window = np.hanning(_WINDOW).astype(np.float32)
    powers = []
    for start in range(0, len(frames), 512):
        spectrum = np.abs(np.fft.rfft(frames[start : start + 512] * window, axis=1)) ** 2
        powers.append(spectrum @ _mel_filters(rate_hz).T)
    return 10 * np.log10(np.maximum(np.concatenate(powers), floor))


def log_mel_distance(rendered: Samples, truth: Samples, rate_hz: int) -> float:
    """Mean distance in dB of two log-mel spectrograms, 60 dB deep, where the truth sounds; 0 for the same sound.

    Args:
        rendered: np.ndarray [shape=(frames,)]; what is judged.
        truth: np.ndarray [shape=(frames,)]; what it should be. The longer of both is cut.
        rate_hz: of both.
    """
    length = min(len(rendered), len(truth))
    if length < _WINDOW:
        raise ValueError(f"{length} frames are shorter than a window of {_WINDOW}")
    loudest = _log_mel(truth[:length], rate_hz, 1e-12).max()
    floor = 10 ** ((loudest - _FLOOR_DB) / 10)
    right, judged = _log_mel(truth[:length], rate_hz, floor), _log_mel(rendered[:length], rate_hz, floor)
    sounding = (right > loudest - _FLOOR_DB + 1e-6) | (judged > loudest - _FLOOR_DB + 1e-6)
    return float(np.abs(right - judged)[sounding].mean()) if sounding.any() else 0.0


def middle(samples: Samples) -> Samples:
    """(L + R) / 2."""
    return samples.mean(axis=1)


def sides(samples: Samples) -> Samples:
    """(L - R) / 2."""
    return (samples[:, 0] - samples[:, 1]) / 2


def stereo_correlation(samples: Samples) -> float:
    """Correlation of left and right in windows of 93 ms, weighted by their power: 1 for mono, 0 for strangers."""
    frames = len(samples) // 4096 * 4096
    windows = samples[:frames].astype(np.float64).reshape(-1, 4096, 2)
    both = (windows[..., 0] * windows[..., 1]).sum(axis=1)
    powers = (windows**2).sum(axis=1)
    weights = powers.sum(axis=1)
    return float((both / (np.sqrt(powers.prod(axis=1)) + 1e-12) * weights).sum() / (weights.sum() + 1e-12))


# --- Test signals ---------------------------------------------------------------------------------------------------

TONES_HZ = (220.0, 523.25, 1318.5, 3520.0)
TONE_S = 5.0


def tones(rate_hz: int) -> Samples:
    """Steady sines in stereo, one after another, for pitch: each lasts `TONE_S`."""
    time = np.arange(round(TONE_S * rate_hz)) / rate_hz
    edges = np.clip(np.minimum(time, TONE_S - time) / 0.05, 0, 1)
    line = np.concatenate([0.4 * edges * np.sin(2 * np.pi * hz * time) for hz in TONES_HZ])
    return np.repeat(line[:, None], 2, axis=1).astype(np.float32)


def worst_cents(samples: Samples, rate_hz: int, *, ratio: float = 1.0, tempo: float = 1.0) -> float:
    """How far, in cents, the worst of `tones` is from where it should be after a change of pitch by `ratio`.

    Args:
        samples: np.ndarray [shape=(frames, channels)]; what was made of `tones`.
        rate_hz: of it.
        ratio: by which the pitch was to rise.
        tempo: by which the tones were to become shorter.
    """
    worst, length = 0.0, TONE_S / tempo
    for order, hz in enumerate(TONES_HZ):
        # The middle of each: a stretcher may smear the ends.
        first, last = (round((order + part) * length * rate_hz) for part in (0.2, 0.8))
        line = middle(samples)[first:last].astype(np.float64)
        window = np.exp(-0.5 * ((np.arange(len(line)) - len(line) / 2) / (len(line) / 9)) ** 2)
        level = np.log(np.abs(np.fft.rfft(line * window)) + 1e-30)
        wanted = hz * ratio * len(line) / rate_hz
        low = int(wanted * 0.9)
        peak = low + int(np.argmax(level[low : int(wanted * 1.1) + 2]))
        left, top, right = level[peak - 1 : peak + 2]
        # A Gaussian's logarithm is a parabola: three points give its top exactly.
        found = peak + 0.5 * (left - right) / (left - 2 * top + right)
        worst = max(worst, abs(1200 * float(np.log2(found / wanted))))
    return worst


def click_track(rate_hz: int, seconds: float = 20.0) -> tuple[Samples, list[float]]:
    """Short clicks at uneven moments over a soft chord, in stereo, and their times."""
    random = np.random.default_rng(11)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    line = sum(0.03 * np.sin(2 * np.pi * hz * time) for hz in (196.0, 246.9, 293.7))
    times, at = [], 0.5
    index = np.arange(rate_hz // 200)
    click = np.exp(-index / (rate_hz * 0.0005)) * np.sign(np.sin(index * 0.9) + 0.1)
    while at < seconds - 0.5:
        start = round(at * rate_hz)
        line[start : start + len(click)] += 0.7 * click
        times.append(start / rate_hz)
        at += random.uniform(0.3, 0.7)
    return np.repeat(np.asarray(line)[:, None], 2, axis=1).astype(np.float32), times


def clicks_in_time(samples: Samples, rate_hz: int, times: Sequence[float], *, within_s: float = 0.002) -> float:
    """Share of clicks whose highest sample lies within 2 ms of where it should be."""
    line, hits = np.abs(middle(samples)), 0
    for time in times:
        start = max(0, round((time - 0.1) * rate_hz))
        found = (start + int(np.argmax(line[start : round((time + 0.1) * rate_hz)]))) / rate_hz
        hits += abs(found - time) <= within_s
    return hits / len(times)


# --- Loudness and spectrum ------------------------------------------------------------------------------------------


def integrated_lufs(samples: Samples, rate_hz: int) -> float:
    """Integrated loudness after BS.1770-4, with both gates; the weighting is applied to the whole song's spectrum."""
    weights = _k_weight(np.fft.rfftfreq(len(samples), 1 / rate_hz))
    hop, powers = rate_hz // 10, None
    for channel in samples.T:
        weighted = np.fft.irfft(np.fft.rfft(channel) * weights, len(samples))
        hops = (weighted[: len(weighted) // hop * hop].reshape(-1, hop) ** 2).sum(axis=1)
        powers = hops if powers is None else powers + hops
    assert powers is not None
    blocks = np.convolve(powers, np.ones(4), "valid") / (4 * hop)
    loud = blocks[-0.691 + 10 * np.log10(blocks + 1e-30) > -70]
    if not len(loud):
        return float("-inf")
    gate = -0.691 + 10 * np.log10(loud.mean()) - 10
    return float(-0.691 + 10 * np.log10(loud[-0.691 + 10 * np.log10(loud) > gate].mean()))


def _k_weight(hz: Array) -> npt.NDArray[np.complex128]:
    """The response of BS.1770's two filters, from the analogue prototypes of its table at 48 kHz."""
    z = np.exp(-2j * np.pi * np.minimum(hz, 23_999) / 48_000)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return shelf * high_pass


def true_peak_dbtp(samples: Samples, rate_hz: int) -> float:
    """The highest value between the samples, by soxr's best filter at eight times the rate."""
    highest, reach = 1e-9, 1 << 12
    for channel in samples.T:
        for start in range(0, len(channel), 1 << 20):
            part = channel[max(0, start - reach) : start + (1 << 20) + reach]
            highest = max(highest, float(np.abs(soxr.resample(part, rate_hz, 8 * rate_hz, "VHQ")).max()))
    return float(20 * np.log10(highest))


def spectrum_distance_db(samples: Samples, reference: Samples, rate_hz: int) -> float:
    """Mean difference of two long-term spectra in thirds of an octave, 40 Hz to 16 kHz, their levels made equal."""
    return float(np.abs(_thirds_db(samples, rate_hz) - _thirds_db(reference, rate_hz)).mean())


def _thirds_db(samples: Samples, rate_hz: int) -> Array:
    window, power = np.hanning(8192), np.zeros(4097)
    line = middle(samples)
    for start in range(0, len(line) - 8192, 8192):
        power += np.abs(np.fft.rfft(line[start : start + 8192] * window)) ** 2
    hz = np.fft.rfftfreq(8192, 1 / rate_hz)
    edges = 40 * 2 ** (np.arange(0, 27) / 3)
    bands = [power[(hz >= low) & (hz < high)] for low, high in pairwise(edges)]
    levels = 10 * np.log10(np.array([band.sum() if len(band) else np.nan for band in bands]) + 1e-30)
    return np.asarray(levels - np.nanmean(levels))
