"""Master: the spectrum, width and loudness that were asked for, below the ceiling, and a song mastered twice stays."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, blocks, clicks, noise, processed, run_python, tone, write
from tonearm_audio import AudioError, OutputFormat, compress, render
from tonearm_audio.decode import FloatBlock
from tonearm_audio.linear_phase import Filters
from tonearm_audio.loudness import LoudnessMeter, MeasuredLoudness
from tonearm_audio.master import Finisher, target_lufs
from tonearm_audio.master_presets import PRESETS
from tonearm_audio.operations import Master, Preset
from tonearm_audio.tone_curves import points_hz
from tonearm_cli.demo_song import DemoSong

NAMES: tuple[Preset, ...] = get_args(Preset)


def mastered(
    samples: FloatBlock, operation: Master, *, rate: int = RATE, block: int = 65_536, gain_db: float = 0.0
) -> tuple[FloatBlock, Finisher]:
    def song() -> Iterator[FloatBlock]:
        return blocks(samples, block)

    finisher = Finisher(operation, sample_rate_hz=rate, channels=samples.shape[1])
    for piece in song():
        finisher.feed(piece)
    return np.concatenate(list(finisher.blocks(song, ceiling_dbtp=-1.0, gain_db=gain_db))), finisher


def by_reference(path: Path, *, loud_lufs: float | None = None) -> Master:
    return Master(reference=path, target_lufs=loud_lufs)


def measured(samples: FloatBlock, rate: int = RATE) -> MeasuredLoudness:
    meter = LoudnessMeter(rate, samples.shape[1])
    meter.feed(samples)
    return meter.result()


def filtered(samples: npt.NDArray[np.float64], slope_db: float) -> FloatBlock:
    """Tilted by so many decibels an octave about 1 kHz."""
    spectrum = np.fft.rfft(samples, axis=0)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 20) / 1000)
    return np.fft.irfft(spectrum * 10 ** (slope_db * octaves / 20)[:, None], len(samples), axis=0).astype(np.float32)


def thirds_db(samples: FloatBlock) -> npt.NDArray[np.float64]:
    """Levels of thirds of an octave of middle and sides, by one transform of the whole [shape=(2, 24)]."""
    lines = np.stack([samples[:, 0] + samples[:, 1], samples[:, 0] - samples[:, 1]]).astype(np.float64) / 2
    power = np.abs(np.fft.rfft(lines * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    centres = 1000 * 2 ** (np.arange(-12, 12) / 3)
    inside = [(hertz >= centre * 2 ** (-1 / 6)) & (hertz < centre * 2 ** (1 / 6)) for centre in centres]
    return np.array([[10 * np.log10(line[part].sum() + 1e-20) for part in inside] for line in power])


def apart_db(one: FloatBlock, other: FloatBlock) -> float:
    """How far two spectra are from each other, middle and sides together, whatever their level."""
    difference = thirds_db(one) - thirds_db(other)
    return float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))


def music(
    seconds: float = 6.0, *, width: float = 0.3, slope_db: float = -4.0, seed: int = 3, hits_gain: float = 0.1
) -> FloatBlock:
    """Given noise that falls as music does, with hits and a bass in it."""
    middle, sides = noise(seconds, seed=seed, gain=0.05).T
    hits = clicks([0.5 * beat for beat in range(int(2 * seconds))], seconds)[:, 0] * hits_gain
    middle = middle + hits + tone(80, seconds, level_db=-40)[:, 0]
    return filtered(np.stack([middle + width * sides, middle - width * sides], axis=1), slope_db)


def podcast() -> FloatBlock:
    """Given noise with the spectrum of speech."""
    samples = noise(6.0, gain=0.1)
    hertz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 20)
    level_db = np.interp(
        np.log2(hertz), *np.array([(np.log2(at), level) for at, level in PRESETS["podcast"].spectrum]).T
    )
    cut_db = np.interp(np.log2(hertz), *np.array([(np.log2(at), level) for at, level in PRESETS["podcast"].cut]).T)
    spectrum = np.fft.rfft(samples, axis=0) * 10 ** ((level_db - 60 + cut_db) / 20)[:, None]
    return np.fft.irfft(spectrum, len(samples), axis=0).astype(np.float32)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given a brighter, wider and louder song."""
    return write(
        tmp_path_factory.mktemp("reference") / "reference.wav",
        1.5 * music(width=0.7, slope_db=-2.5, seed=8).astype(np.float64),
        subtype="FLOAT",
    )


@pytest.mark.parametrize("preset", NAMES)
def test_a_preset_brings_a_song_to_its_loudness_below_the_ceiling(preset: Preset) -> None:
    out, finisher = mastered(music(), Master(preset))

    found = measured(out)
    assert finisher.target_lufs == target_lufs(Master(preset)) == PRESETS[preset].target_lufs
    assert found.integrated_lufs == pytest.approx(finisher.target_lufs, abs=0.1)
    assert (found.true_peak_dbtp or 0) <= -1.0
    assert out.shape == music().shape


@pytest.mark.parametrize("preset", NAMES)
def test_a_song_mastered_twice_is_hardly_changed_the_second_time(preset: Preset) -> None:
    # Given a song that lies no farther from a preset than it may give
    song = podcast() if preset == "podcast" else music(slope_db=-5.0)

    once, _ = mastered(song, Master(preset))
    twice, _ = mastered(once, Master(preset))

    assert apart_db(once, twice) < 1.3


def test_bright_is_brighter_than_warm() -> None:
    def highs_db(preset: Preset) -> float:
        levels = thirds_db(mastered(music(), Master(preset))[0])[0]
        return float(levels[-6:].mean() - levels[:9].mean())

    assert highs_db("bright") > highs_db("streaming") > highs_db("warm")
    assert highs_db("bright") > highs_db("warm") + 3


def test_a_podcast_loses_what_rumbles() -> None:
    rumbling = music() + tone(30, 6.0, level_db=-20).astype(np.float32)
    out, _ = mastered(rumbling, Master("podcast"))

    def rumble(samples: FloatBlock) -> float:
        power = np.abs(np.fft.rfft(samples[:, 0].astype(np.float64) * np.hanning(len(samples)))) ** 2
        return float(power[170:190].sum() / power.sum())

    assert rumble(out) < 0.02 * rumble(rumbling)


def test_the_level_of_a_song_does_not_matter() -> None:
    loud, _ = mastered(music(), Master("streaming"))
    soft, _ = mastered(0.125 * music(), Master("streaming"))
    assert np.abs(soft - loud).max() < 0.01


def test_a_reference_gives_its_spectrum_its_width_and_its_loudness(reference: Path) -> None:
    model = 1.5 * music(width=0.7, slope_db=-2.5, seed=8)
    before, wanted = thirds_db(music()), thirds_db(model)

    out, finisher = mastered(music(), by_reference(reference))

    after = thirds_db(out)
    assert apart_db(music(), model) > 3.5
    assert apart_db(out, model) < 0.8
    wider_db = (after[1] - after[0] - before[1] + before[0]).mean()
    assert wider_db == pytest.approx((wanted[1] - wanted[0] - before[1] + before[0]).mean(), abs=0.5)
    assert finisher.target_lufs == pytest.approx(measured(model).integrated_lufs, abs=0.01)
    assert measured(out).integrated_lufs == pytest.approx(finisher.target_lufs, abs=0.1)
    assert (measured(out).true_peak_dbtp or 0) <= -1.0


def test_a_song_is_its_own_reference(tmp_path: Path) -> None:
    # Given a song with all its peaks below the ceiling
    song = 0.25 * music()
    out, _ = mastered(song, by_reference(write(tmp_path / "song.wav", song.astype(np.float64), subtype="FLOAT")))
    assert np.abs(out - song).max() < 1e-4


def test_a_loudness_of_its_own_replaces_the_references(reference: Path) -> None:
    operation = by_reference(reference, loud_lufs=-18.0)
    out, _ = mastered(music(), operation)
    assert target_lufs(operation) == -18.0
    assert measured(out).integrated_lufs == pytest.approx(-18.0, abs=0.1)


def test_no_spectrum_is_changed_by_more_than_12_db(tmp_path: Path) -> None:
    # Given a reference with 40 dB more highs, and a song whose highs are nothing but noise 90 dB down
    steep = write(tmp_path / "steep.wav", 0.01 * filtered(noise(4.0), 3.0).astype(np.float64), subtype="FLOAT")
    song = (tone(200, 4.0) + tone(500, 4.0) + noise(4.0, gain=1e-6)).astype(np.float32)

    out, _ = mastered(song, by_reference(steep))

    change_db = (thirds_db(out) - thirds_db(song))[0]
    tones = [index for index, level in enumerate(thirds_db(song)[0]) if level > thirds_db(song)[0].max() - 20]
    assert np.ptp(change_db[tones]) < 24.5
    assert (change_db[-6:] <= change_db[tones].max() + 14.0).all()


def test_a_silent_reference_is_refused(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.wav", np.zeros((RATE, 2)))
    with pytest.raises(AudioError) as refused:
        Finisher(by_reference(silent), sample_rate_hz=RATE, channels=2)
    assert refused.value.code == "recipe.invalid"


@pytest.mark.parametrize("rate", [8000, 22_050, 96_000])
def test_a_reference_may_have_another_rate_and_be_in_mono(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "other.wav", noise(3.0, rate=rate, channels=1), rate=rate, subtype="FLOAT")
    out, finisher = mastered(music(3.0), by_reference(path))
    assert np.isfinite(out).all()
    assert measured(out).integrated_lufs == pytest.approx(finisher.target_lufs, abs=0.1)
    # And a mono reference leaves the width as it is
    before, after = thirds_db(music(3.0)), thirds_db(out)
    assert (after[1] - after[0])[3:18] == pytest.approx((before[1] - before[0])[3:18], abs=1.0)


def test_beyond_what_a_reference_can_hold_its_last_word_goes_on(tmp_path: Path) -> None:
    # Given noise of 44.1 kHz, and a reference at 16 kHz that holds as much of each hertz up to 8 kHz
    path = write(tmp_path / "telephone.wav", noise(4.0, rate=16_000, channels=1), rate=16_000, subtype="FLOAT")
    song = noise(4.0, seed=5).astype(np.float32)

    out, _ = mastered(song, by_reference(path, loud_lufs=-20.0))

    # Then the highs above it are changed as those just below
    change_db = thirds_db(out)[0] - thirds_db(song)[0]
    assert change_db[-3:] == pytest.approx(change_db[-7], abs=1.0)


def widened_db(song: FloatBlock) -> npt.NDArray[np.float64]:
    """By how much more `bright` lifts the sides than the middle, in thirds of an octave."""
    before, after = thirds_db(song), thirds_db(mastered(song, Master("bright"))[0])
    return np.asarray(after[1] - after[0] - before[1] + before[0])


def test_a_narrow_song_becomes_wider_above_its_bass() -> None:
    wider_db = widened_db(music(width=0.2))
    assert wider_db[:3] == pytest.approx(0.0, abs=0.2)
    assert wider_db[8:20] == pytest.approx(PRESETS["bright"].width_db, abs=0.2)


def test_a_wide_song_is_made_no_wider() -> None:
    assert np.abs(widened_db(noise(6.0, gain=0.05).astype(np.float32))).max() < 0.1


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_stays_silent(channels: int, reference: Path) -> None:
    for operation in (Master("streaming"), by_reference(reference)):
        out, _ = mastered(np.zeros((RATE, channels), np.float32), operation)
        assert out.shape == (RATE, channels)
        assert not out.any()


@given(
    seed=st.integers(0, 2**16),
    frames=st.sampled_from([1, 441, 4410, 20_000, 50_001]),
    gain=st.floats(1e-3, 1.5),
    channels=st.sampled_from([1, 2]),
    rate=st.sampled_from([8000, 44_100, 96_000]),
    preset=st.sampled_from(NAMES),
    block=st.sampled_from([317, 4096, 1 << 20]),
)
@settings(max_examples=25)
def test_any_sound_keeps_its_length_and_the_ceiling(
    seed: int, frames: int, gain: float, channels: int, rate: int, preset: Preset, block: int
) -> None:
    samples = (gain * np.random.default_rng(seed).laplace(size=(frames, channels))).astype(np.float32)

    out, _ = mastered(samples, Master(preset), rate=rate, block=block)

    assert out.shape == samples.shape
    assert np.isfinite(out).all()
    assert (measured(out, rate).true_peak_dbtp or -99) <= -1.0
    whole, _ = mastered(np.ascontiguousarray(samples[:, ::-1]), Master(preset), rate=rate)
    assert np.array_equal(whole[:, ::-1], out)


def test_a_kick_does_not_turn_a_voice_down() -> None:
    # Given a steady tone of a voice's pitch, and a kick every half second whose bass alone is louder
    time = np.arange(8 * RATE) / RATE
    kick = np.exp(-(time % 0.5) * 15) * np.sin(2 * np.pi * 55 * time)
    voice = np.sin(2 * np.pi * 800 * time)
    song = np.repeat((0.1 * voice + 0.3 * kick)[:, None], 2, axis=1).astype(np.float32)
    operation = PRESETS["loud"].compress
    assert operation is not None

    in_one = processed(compress.process, operation, song)
    parted, _ = mastered(song, Master("loud", target_lufs=-24.0))

    def moved_db(samples: FloatBlock) -> float:
        """How far the level of the voice moves, without the beginning and the end."""
        around = np.exp(-2j * np.pi * 800 * time) * samples[:, 0]
        levels = np.abs(around[RATE : 7 * RATE].reshape(-1, RATE // 20).mean(axis=1))
        return float(20 * np.log10(levels.max() / levels.min()))

    assert moved_db(in_one) > 2.0
    assert moved_db(parted) < 0.4 * moved_db(in_one)


def test_bass_and_the_rest_are_the_whole_song() -> None:
    song = music()
    corrections_db = np.zeros((2, len(points_hz())))

    together = np.concatenate(
        [low + high for low, high in Filters(RATE, corrections_db, crossover_hz=150.0).process(blocks(song))]
    )

    assert np.abs(together - song).max() < 1e-6


def test_a_master_stays_below_the_ceiling_when_others_encode_it(song: DemoSong, tmp_path: Path) -> None:
    # Given a loud master as WAV
    render(song.path, tmp_path / "master.wav", operations=[Master("loud")], output=OutputFormat("wav"))

    # When it is encoded without another look at its peaks
    render(tmp_path / "master.wav", tmp_path / "sold.mp3", operations=[], output=OutputFormat("mp3"))

    # Then what a codec adds fits below the ceiling
    found = measured(soundfile.read(str(tmp_path / "sold.mp3"), dtype="float32")[0])
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp <= -1.0
    assert found.integrated_lufs == pytest.approx(-9.0, abs=0.1)


def test_every_process_and_processor_makes_the_same_samples() -> None:
    code = """
import hashlib, numpy as np
from tonearm_audio.master import Finisher
from tonearm_audio.operations import Master
numbers = (np.random.PCG64(1).random_raw(60_000) >> np.uint64(40)).astype(np.int64)
song = (np.cumsum(numbers - 2**23) % 2**24 / 2**24 - 0.5).reshape(-1, 2).astype(np.float32)
finisher = Finisher(Master("loud"), sample_rate_hz=44100, channels=2)
finisher.feed(song)
blocks = finisher.blocks(lambda: iter([song]), ceiling_dbtp=-1.0, gain_db=0.0)
print(hashlib.sha256(np.concatenate(list(blocks)).tobytes()).hexdigest())
"""
    features = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"
    without = {**os.environ, "NPY_DISABLE_CPU_FEATURES": features, "OMP_NUM_THREADS": "1"}
    assert run_python(code) == run_python(code, env=without)
