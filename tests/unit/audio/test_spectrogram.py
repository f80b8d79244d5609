"""Spectrogram: a picture that any reader can decode, with every sound at its time and its pitch."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.audio.signals import RATE, noise, tone
from tonearm_audio.colours import MAGMA
from tonearm_audio.spectrogram import HEIGHT, LOW_HZ, WIDTH, Spectrogram, SpectrogramMeter
from tonearm_audio.spectrum import Signal, SpectrumMeter

Points = npt.NDArray[np.uint8]


def drawn(line: Signal, *, rate: int = RATE, cuts: Sequence[int] = ()) -> Spectrogram:
    spectra = SpectrumMeter(rate)
    meter = SpectrogramMeter(rate, bins=spectra.bins, hop=spectra.hop)
    for part in np.split(line.astype(np.float32), sorted(cuts)):
        meter.feed(spectra.feed(part))
    meter.feed(spectra.finish())
    return meter.result(len(line))


def decoded(png: bytes) -> Points:
    """The palette's indices [shape=(height, width)], the upper edge first, after every check that a reader makes."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(name + data)
        chunks[name], at = data, at + 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    assert len(chunks[b"PLTE"]) == 3 * 256
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(HEIGHT, WIDTH + 1)
    # Filter type 2: what is more than in the line above, modulo 256
    assert (lines[:, 0] == 2).all()
    return np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8)


def row_of(frequency_hz: float, picture: Spectrogram) -> int:
    octaves = np.log2(picture.high_hz / LOW_HZ)
    return HEIGHT - 1 - int(HEIGHT * np.log2(frequency_hz / LOW_HZ) / octaves)


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 3000.0, 12_000.0])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_tone_is_a_line_at_its_pitch(frequency_hz: float, rate: int) -> None:
    picture = drawn(tone(frequency_hz, 3.0, rate=rate, channels=1)[:, 0], rate=rate)

    middle = decoded(picture.png)[:, WIDTH // 2]
    assert abs(int(middle.argmax()) - row_of(frequency_hz, picture)) <= 3
    assert middle.max() > 250


@pytest.mark.parametrize("seconds", [4.0, 60.0, 150.0])
def test_a_click_is_a_line_at_its_time(seconds: float) -> None:
    # Given a burst in the middle of faint noise, in a track of few spectra and of many
    line = noise(seconds, channels=1, gain=1e-4)[:, 0]
    middle = len(line) // 3
    line[middle : middle + 200] += noise(200 / RATE, channels=1)[:, 0]

    loudness = decoded(drawn(line).png)[: HEIGHT // 2].astype(float).mean(axis=0)

    assert abs(int(loudness.argmax()) - WIDTH / 3) <= 2 + 0.05 / seconds * WIDTH


def test_a_tone_that_stops_halfway_stops_in_the_middle_of_the_picture() -> None:
    line = tone(1000, 8.0, channels=1)[:, 0]
    line[len(line) // 2 :] = 0

    picture = drawn(line)

    row = decoded(picture.png)[row_of(1000, picture)]
    assert row[: WIDTH // 2 - 30].min() > 240
    assert row[WIDTH // 2 + 30 :].max() == 0


@pytest.mark.parametrize("spectra", [2401, 2402, 2403, 4802, 5001])
def test_what_lasts_is_as_bright_in_its_last_column_as_before(spectra: int) -> None:
    # Given one spectrum throughout, of which there are more than columns: the last column has not its share of them
    meter = SpectrogramMeter(RATE, bins=2049, hop=2048)
    meter.feed(np.full((spectra, 2049), 1e-3, np.float32))

    points = decoded(meter.result(spectra * 2048).png)

    assert (points == points[:, :1]).all()


def test_pink_noise_has_one_colour_from_bottom_to_top() -> None:
    spectrum = np.fft.rfft(noise(60.0, channels=1)[:, 0])
    line = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)))
    points = decoded(drawn(line).png).astype(float)

    rows = points.mean(axis=1)

    # 255 steps are 80 dB; the lowest rows are narrower than what can be told apart.
    assert rows[:300].std() * 80 / 255 < 1.0
    assert abs(rows[300:].mean() - rows[:300].mean()) * 80 / 255 < 2.0


def test_forty_db_less_is_half_way_to_black() -> None:
    loud, soft = (tone(1000, 4.0, level_db=level, channels=1)[:, 0] for level in (0.0, -40.0))

    picture = drawn(np.concatenate([loud, soft]))

    row = decoded(picture.png)[row_of(1000, picture)]
    assert int(row[WIDTH // 4]) - int(row[3 * WIDTH // 4]) == pytest.approx(127.5, abs=1.5)


@pytest.mark.parametrize("frames", [1, 100, 5000])
def test_a_very_short_track_has_a_picture(frames: int) -> None:
    assert decoded(drawn(np.full(frames, 0.5)).png).shape == (HEIGHT, WIDTH)


def test_silence_is_black() -> None:
    picture = drawn(np.zeros(RATE * 2))

    assert not decoded(picture.png).any()
    assert picture.to_dict()["top_dbfs"] is None


def test_above_half_the_sample_rate_there_is_nothing_to_show() -> None:
    assert drawn(noise(1.0, rate=8000, channels=1)[:, 0], rate=8000).high_hz == 4000


@pytest.mark.parametrize("cuts", [[1], [65_536, 131_072], list(range(0, 2_000_000, 7777))])
def test_wherever_the_stream_is_cut_the_picture_is_the_same(cuts: list[int]) -> None:
    # Given more spectra than columns
    line = noise(2_000_000 / 8000, rate=8000, channels=1)[:, 0]

    assert drawn(line, rate=8000, cuts=cuts).png == drawn(line, rate=8000).png


def test_memory_is_the_same_for_minutes_and_for_hours() -> None:
    meter = SpectrogramMeter(RATE, bins=2049, hop=2048)
    before = sum(value.nbytes for value in vars(meter).values() if isinstance(value, np.ndarray))
    for _ in range(100):
        meter.feed(np.ones((300, 2049), np.float32))

    assert sum(value.nbytes for value in vars(meter).values() if isinstance(value, np.ndarray)) == before


def test_the_colours_grow_lighter_from_black() -> None:
    red, green, blue = np.frombuffer(MAGMA, np.uint8).reshape(256, 3).T.astype(float)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert luminance[0] < 1
    assert luminance[255] > 240
    assert (np.diff(luminance) > -1).all()
