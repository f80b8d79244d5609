"""Structure: the sections of a song, and how much of it is harmonic and how much percussive.

This is apart from `analyze`: it takes many times as long, and importing this module needs librosa, which comes with the
extra `tonearm-audio[structure]`. The song is cut
where harmony and timbre change most, by clustering neighbours (Ward; McFee and Ellis, "Learning to segment songs with
ordinal linear discriminant analysis", ICASSP 2014), and pieces that sound alike get the same letter, as many letters as
set them apart best (Rousseeuw, "Silhouettes", 1987). Harmonic and percussive parts by median filtering (Fitzgerald,
"Harmonic/percussive separation using median filtering", DAFx 2010).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import scipy.cluster.hierarchy
import soxr
from sklearn.metrics import silhouette_score

from tonearm_audio.decode import Source
from tonearm_audio.peaks import mono
from tonearm_audio.tempo import Mono

LEAST_SECTION_S = 6.0

_RATE_HZ = 22_050
_WINDOW = 2048
_HOP = 512
_READ_S = 30
"""What is looked at at once: memory does not grow with the length."""
_STEP_S = 0.5
_MOST_STEPS = 1200
"""Ten minutes in steps of half a second; a longer track has longer steps."""
_AROUND_S = 8.0
"""A step is heard with what is around it: a chord is no section, a progression may be one."""
_CHROMA = 12
_MFCCS = 13
_PIECE_S = 6.0
_FEWEST_PIECES, _MOST_PIECES = 3, 120
_MOST_KINDS = 8
_LEAST_DISTINCT = 0.25
"""Mean silhouette below which the pieces are all of one kind (Rousseeuw: below it there is no structure)."""
_LEAST_CHANGES = 0.05, 5.0
"""Of harmony (of a chord's unit length) and of timbre (about a dB in every band): what moves less says nothing."""
_SILENCE = 1e-9

Features = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Section:
    """A part of a song.

    Attributes:
        start_s: where it begins, in seconds.
        end_s: where the next one begins, or the song ends.
        label: A, B, C ... in the order of their first appearance; sections that sound alike have the same.
    """

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class Structure:
    """How a song is built.

    Attributes:
        sections: without gaps, from 0 s to the end.
        harmonic_share: part of the power that lasts (voices, strings), 0.0 to 1.0; None for a silent track.
        percussive_share: part of the power that strikes (drums, consonants); 1.0 with the former.
    """

    sections: tuple[Section, ...]
    harmonic_share: float | None
    percussive_share: float | None

    def to_dict(self) -> dict[str, object]:
        """Plain values, times to a tenth of a second, shares to a thousandth."""
        return {
            "sections": [
                {"start_s": round(part.start_s, 1), "end_s": round(part.end_s, 1), "label": part.label}
                for part in self.sections
            ],
            "harmonic_share": None if self.harmonic_share is None else round(self.harmonic_share, 3),
            "percussive_share": None if self.percussive_share is None else round(self.percussive_share, 3),
        }


def analyze_structure(path: Path) -> Structure:
    """Find the sections of a song and its harmonic and percussive shares, in one decode.

    Args:
        path: a file of any format in docs/formats.md, mono or stereo.

    Raises:
        AudioError: any `track.*` code.
        OSError: the file cannot be opened.
    """
    harmonic = percussive = 0.0
    frames: list[Features] = []
    duration_s = 0.0
    for piece in _pieces(path):
        duration_s += len(piece) / _RATE_HZ
        magnitudes = _magnitudes(piece)
        lasting, striking = librosa.decompose.hpss(magnitudes)
        harmonic += float((lasting**2).sum(dtype=np.float64))
        percussive += float((striking**2).sum(dtype=np.float64))
        frames.append(_features(magnitudes))
    power = harmonic + percussive
    shares = (harmonic / power, percussive / power) if power > _SILENCE else (None, None)
    return Structure(_sections(np.concatenate(frames), duration_s), *shares)


def _pieces(path: Path) -> Iterator[Mono]:
    """The mono line at the rate of the analysis, half a minute at a time."""
    length = _READ_S * _RATE_HZ
    with Source(path) as source:
        down = soxr.ResampleStream(source.sample_rate_hz, _RATE_HZ, 1, dtype="float32", quality="MQ")
        line: Mono = np.zeros(0, np.float32)
        for block in source.blocks():
            line = np.concatenate([line, down.resample_chunk(mono(block))])
            while len(line) > length:
                yield line[:length]
                line = line[length:]
        yield np.concatenate([line, down.resample_chunk(np.zeros(0, np.float32), last=True)])


def _magnitudes(piece: Mono) -> npt.NDArray[np.float32]:
    """Short-time spectra [shape=(bins, frames)]."""
    padded = np.pad(piece, (0, max(0, _WINDOW - len(piece))))
    found: npt.NDArray[np.float32] = np.abs(librosa.stft(padded, n_fft=_WINDOW, hop_length=_HOP))
    return found


def _features(magnitudes: npt.NDArray[np.float32]) -> Features:
    """Harmony (chroma) and timbre (cepstrum of 40 mel bands) of each half second [shape=(steps, _CHROMA + _MFCCS)]."""
    power = magnitudes**2
    chroma = librosa.feature.chroma_stft(S=power, sr=_RATE_HZ, n_fft=_WINDOW, norm=None, tuning=0.0)
    bands = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=_RATE_HZ, n_mels=40), ref=1.0, top_db=None)
    frames = np.concatenate([chroma, librosa.feature.mfcc(S=np.maximum(bands, -80.0), n_mfcc=_MFCCS)])
    per_step = round(_STEP_S * _RATE_HZ / _HOP)
    begins = np.arange(0, frames.shape[1], per_step)
    sums: Features = np.add.reduceat(frames, begins, axis=1, dtype=np.float64)
    return (sums / np.diff(np.append(begins, frames.shape[1]))).T


def _sections(steps: Features, duration_s: float) -> tuple[Section, ...]:
    per_group = -(-len(steps) // _MOST_STEPS)
    begins = np.arange(0, len(steps), per_group)
    groups = np.add.reduceat(steps, begins, axis=0) / np.diff(np.append(begins, len(steps)))[:, np.newaxis]
    step_s = duration_s / len(groups)
    reach = round(_AROUND_S / 2 / step_s)
    labels = _labels(_comparable(_around(groups, reach)), pieces=round(duration_s / _PIECE_S))
    labels = _without_short_runs(labels, least=round(LEAST_SECTION_S / step_s))
    edges = _sharpened([0, *(np.flatnonzero(np.diff(labels)) + 1), len(labels)], _comparable(groups), reach)
    names: dict[int, str] = {}
    sections = []
    for begin, end in itertools.pairwise(edges):
        name = names.setdefault(int(labels[(begin + end) // 2]), chr(ord("A") + len(names)))
        sections.append(Section(float(begin * step_s), float(end * step_s), name))
    return tuple(sections)


def _around(steps: Features, reach: int) -> Features:
    """Means over each step and so many before and after it, of fewer at both ends."""
    sums = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    begins = np.maximum(np.arange(len(steps)) - reach, 0)
    ends = np.minimum(np.arange(len(steps)) + reach + 1, len(steps))
    means: Features = (sums[ends] - sums[begins]) / (ends - begins)[:, np.newaxis]
    return means


def _comparable(steps: Features) -> Features:
    """Harmony and timbre in one measure, in which neither outweighs the other."""
    harmony = steps[:, :_CHROMA] / (np.linalg.norm(steps[:, :_CHROMA], axis=1, keepdims=True) + _SILENCE)
    parts = []
    for part, least in zip((harmony, steps[:, _CHROMA:]), _LEAST_CHANGES, strict=True):
        moved = part - part.mean(axis=0)
        size = math.sqrt(float((moved**2).sum(axis=1).mean()))
        parts.append(moved / size if size > least else np.zeros_like(moved))
    return np.concatenate(parts, axis=1)


def _labels(steps: Features, *, pieces: int) -> npt.NDArray[np.intp]:
    """The kind of each step."""
    alike: npt.NDArray[np.intp] = np.zeros(len(steps), int)
    pieces = min(pieces, _MOST_PIECES, len(steps) // 2)
    if pieces < _FEWEST_PIECES:
        return alike
    begins = librosa.segment.agglomerative(steps.T, pieces)
    lengths = np.diff(np.append(begins, len(steps)))
    means = np.add.reduceat(steps, begins, axis=0) / lengths[:, np.newaxis]
    tree = scipy.cluster.hierarchy.linkage(means, "average")
    best, kinds_of_best = _LEAST_DISTINCT, alike
    for kinds in range(2, min(_MOST_KINDS, pieces - 1) + 1):
        labels = scipy.cluster.hierarchy.fcluster(tree, kinds, "maxclust")
        distinct = float(silhouette_score(means, labels)) if len(set(labels)) > 1 else 0.0
        if distinct > best:
            best, kinds_of_best = distinct, np.repeat(labels, lengths)
    return kinds_of_best


def _sharpened(edges: list[int], steps: Features, reach: int) -> list[int]:
    """Move each edge to where what is before it and what is after it are most like their own section's middle."""
    sharp = edges.copy()
    for index in range(1, len(edges) - 1):
        before, edge, after = edges[index - 1 : index + 2]
        left = steps[before : max(before + 1, edge - reach)].mean(axis=0)
        right = steps[min(after - 1, edge + reach) : after].mean(axis=0)
        first, last = max(before + 1, sharp[index - 1] + 1, edge - reach), min(after, edge + reach + 1)
        # How much worse each step would do on the left than on the right.
        cost = ((steps[first:last] - left) ** 2).sum(axis=1) - ((steps[first:last] - right) ** 2).sum(axis=1)
        sharp[index] = first + int(np.concatenate([[0.0], np.cumsum(cost)])[:-1].argmin())
    return sharp


def _without_short_runs(labels: npt.NDArray[np.intp], *, least: int) -> npt.NDArray[np.intp]:
    """Give runs of fewer steps, the shortest first, to their longer neighbour."""
    labels = labels.copy()
    while True:
        edges = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]])
        lengths = np.diff(edges)
        shortest = int(lengths.argmin())
        if lengths[shortest] >= least or len(lengths) == 1:
            return labels
        left = lengths[shortest - 1] if shortest > 0 else -1
        right = lengths[shortest + 1] if shortest + 1 < len(lengths) else -1
        begin, end = edges[shortest], edges[shortest + 1]
        labels[begin:end] = labels[begin - 1] if left >= right else labels[end]
