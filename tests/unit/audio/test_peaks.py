"""Peaks: each pixel's least and greatest sample, whatever the length, the level and the blocks."""

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, blocks, noise, tone, write
from tonearm_audio import OutputFormat, Tempo, analyze, certify, render
from tonearm_audio.peaks import MAX_PIXELS, Peaks, PeaksMeter, mono
from tonearm_cli.demo_song import DemoSong


def measured(samples: Samples, block: int) -> Peaks:
    """The peaks of a line of samples that comes in blocks."""
    meter = PeaksMeter(RATE)
    for taken in blocks(samples, block):
        meter.feed(taken)
    return meter.result()


def expected(samples: Samples) -> Peaks:
    """The same, pixel by pixel over the whole line at once."""
    line = samples.astype(np.float32)
    size = 2 ** max(0, math.ceil(math.log2(len(line) / MAX_PIXELS)))
    data: list[int] = []
    for begin in range(0, len(line), size):
        pixel = line[begin : begin + size]
        data += [min(127, max(-128, round(float(value) * 128))) for value in (pixel.min(), pixel.max())]
    return Peaks(RATE, size, tuple(data))


@settings(max_examples=60)
@given(frames=st.integers(1, 40_000), block=st.integers(1, 70_000), seed=st.integers(0, 2**32 - 1))
def test_every_pixel_holds_the_least_and_the_greatest_of_its_samples(frames: int, block: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1.2, 1.2, frames)

    found = measured(samples, max(block, frames // 200))

    assert found == expected(samples)


@pytest.mark.parametrize("frames", [1, 2, 1799, 1800, 1801, 3600, 3601, 65_536, 115_200, 115_201])
def test_there_are_never_more_pixels_than_promised_and_no_fewer_than_half(frames: int) -> None:
    found = measured(noise(frames / RATE, channels=1)[:, 0], 4096)

    document = found.to_dict()
    length, size = document["length"], document["samples_per_pixel"]
    assert isinstance(length, int)
    assert isinstance(size, int)
    assert length == -(-frames // size) <= MAX_PIXELS
    assert length > MAX_PIXELS // 2 or size == 1
    assert len(found.data) == 2 * length


def test_the_document_is_audiowaveforms_version_2() -> None:
    assert measured(np.array([0.5, -0.25, 0.0]), 2).to_dict() == {
        "version": 2,
        "channels": 1,
        "sample_rate": RATE,
        "samples_per_pixel": 1,
        "bits": 8,
        "length": 3,
        "data": [64, 64, -32, -32, 0, 0],
    }


def test_silence_is_a_flat_line() -> None:
    assert set(measured(np.zeros(100_000), 65_536).data) == {0}


def test_what_reaches_full_scale_or_lies_beyond_is_drawn_at_full_scale() -> None:
    for level in (1.0, 1.5, 100.0):
        square = np.where(np.arange(50_000) % 20 < 10, level, -level)
        found = measured(square, 8192)
        assert set(found.data[::2]) == {-128}
        assert set(found.data[1::2]) == {127}


def test_memory_is_the_same_for_a_second_and_for_hours() -> None:
    def held(hours: int) -> int:
        meter = PeaksMeter(RATE)
        block = np.zeros(1 << 20, np.float32)
        for _ in range(hours * 3600 * RATE // len(block)):
            meter.feed(block)
        return sum(value.nbytes for value in vars(meter).values() if isinstance(value, np.ndarray))

    assert held(3) == held(0) == 2 * 4 * MAX_PIXELS


def test_stereo_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    # Given one channel at full strength and the other silent, or the same in the opposite sign
    left = tone(200, 1.0, level_db=0.0)
    left[:, 1] = 0.0
    opposite = tone(200, 1.0, level_db=-6.0)
    opposite[:, 1] *= -1

    half = analyze(write(tmp_path / "left.wav", left, subtype="FLOAT")).peaks
    none = analyze(write(tmp_path / "opposite.wav", opposite, subtype="FLOAT")).peaks

    assert (min(half.data), max(half.data)) == (-64, 64)
    assert set(none.data) == {0}


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_the_analysis_of_a_file_has_its_peaks_to_the_last_sample(song: DemoSong, song_mp3: Path, kind: str) -> None:
    # Given a length that no pixel divides, in a lossy file as well
    path = song.path if kind == "wav" else song_mp3
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)

    peaks = analyze(path).peaks

    assert peaks == expected(mono(samples).astype(np.float64))
    assert rate == RATE
    assert len(samples) % peaks.samples_per_pixel


def test_a_certificate_has_the_peaks_of_the_encoded_file(song: DemoSong, tmp_path: Path) -> None:
    path, output = tmp_path / "render.mp3", OutputFormat("mp3", bitrate_kbps=128)
    render(song.path, path, operations=[Tempo(1.3)], output=output)

    peaks = certify(song.path, path, operations=[Tempo(1.3)], output=output).peaks

    assert peaks == analyze(path).peaks != analyze(song.path).peaks
