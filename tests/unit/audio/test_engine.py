"""Render: exact length, kept pitch and level, clicks where they belong, no seam, and the same samples every time."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, clicks, noise, run_python, tone, write
from tonearm_audio import (
    AudioError,
    Band,
    Equalize,
    Limits,
    Loudness,
    Operation,
    OutputFormat,
    Pitch,
    Tempo,
    analyze,
    probe,
    render,
)
from tonearm_cli.demo_song import DemoSong

FINE_WAV = OutputFormat("wav", bit_depth=24)
WAV, FLAC, MP3 = OutputFormat("wav"), OutputFormat("flac"), OutputFormat("mp3")
LIMITS = Limits(max_duration_s=600.0, min_duration_s=0.0)


def rendered(source: Path, operations: list[Operation], output: OutputFormat = FINE_WAV) -> Samples:
    destination = source.with_name(f"render.{output.codec}")
    render(source, destination, operations=operations, output=output)
    samples: Samples = soundfile.read(str(destination), always_2d=True)[0]
    return samples


@pytest.mark.parametrize("output", [WAV, FINE_WAV, FLAC])
def test_given_no_operation_then_every_sample_is_the_sources(tmp_path: Path, output: OutputFormat) -> None:
    samples = np.rint(noise(3.0) * 32767) / 32768
    source = write(tmp_path / "a.wav", samples, subtype="PCM_16")

    assert np.array_equal(rendered(source, [], output), soundfile.read(str(source))[0])


def test_operations_that_cancel_are_no_operation(song: DemoSong, tmp_path: Path) -> None:
    there_and_back: list[Operation] = [Tempo(2.0), Tempo(0.5), Pitch(3), Pitch(-3)]

    first = render(song.path, tmp_path / "a.wav", operations=[], output=WAV)
    second = render(song.path, tmp_path / "b.wav", operations=there_and_back, output=WAV)

    assert first == second


@given(
    rate=st.sampled_from([8000, 22_050, 44_100, 48_000, 96_000]),
    channels=st.sampled_from([1, 2]),
    frames=st.integers(1, 60_000),
    factor=st.one_of(st.just(1.0), st.floats(0.25, 4.0)),
    semitones=st.one_of(st.just(0.0), st.floats(-24, 24)),
    codec=st.sampled_from(["wav", "flac", "mp3"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_render_is_finite_exactly_as_long_as_promised_and_within_full_scale(
    tmp_path: Path, rate: int, channels: int, frames: int, factor: float, semitones: float, codec: str
) -> None:
    samples = 0.5 * noise(1.0, rate=frames, channels=channels)
    source = write(tmp_path / "a.wav", samples, rate=rate, subtype="FLOAT")
    destination = tmp_path / f"b.{codec}"

    result = render(
        source,
        destination,
        operations=[Tempo(factor), Pitch(semitones)],
        output=OutputFormat(codec),  # type: ignore[arg-type]  # a str
    )

    promised = max(1, round(frames / factor))
    if result.sample_rate_hz != rate:
        promised = max(1, round(promised * result.sample_rate_hz / rate))
    assert result.frames == promised
    assert result.channels == channels
    found = soundfile.read(str(destination), always_2d=True)[0]
    assert probe(destination, limits=LIMITS).frames == promised
    assert found.shape == (promised, channels)
    assert np.isfinite(found).all()
    # An MP3 decodes to a little more than went in.
    assert np.abs(found).max() <= (1.5 if codec == "mp3" else 1.0)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.1, 1.5, 2.0])
def test_clicks_stay_where_the_tempo_puts_them(tmp_path: Path, factor: float) -> None:
    times = np.arange(0.5, 9.5, 0.45)
    source = write(tmp_path / "clicks.wav", clicks(list(times), 10.0))

    out = np.abs(rendered(source, [Tempo(factor)])).max(axis=1)

    for time in times / factor:
        at, reach = round(time * RATE), round(0.1 * RATE)
        window = out[max(0, at - reach) : at + reach]
        # The middle of the energy: stretching rounds an attack off on both sides.
        energy = window**2
        middle = float((energy * np.arange(len(window))).sum() / energy.sum()) - min(at, reach)
        assert abs(middle) / RATE < 0.008


@pytest.mark.parametrize("semitones", [-12.0, -0.5, 2.0, 7.35])
def test_a_tone_moves_by_exactly_the_asked_semitones(tmp_path: Path, semitones: float) -> None:
    source = write(tmp_path / "tone.wav", tone(440, 6.0))

    out = rendered(source, [Pitch(semitones)])

    assert len(out) == 6 * RATE
    assert cents_off(out, 440 * 2 ** (semitones / 12)) < 0.1


@pytest.mark.parametrize("factor", [0.7, 1.1, 1.9])
def test_a_tone_keeps_its_pitch_under_a_change_of_tempo(tmp_path: Path, factor: float) -> None:
    source = write(tmp_path / "tone.wav", tone(440, 6.0))

    assert cents_off(rendered(source, [Tempo(factor)]), 440.0) < 0.1


def cents_off(samples: Samples, expected_hz: float) -> float:
    """Distance of the strongest partial, from the phase it gains between the halves of the middle of the signal."""
    middle = samples[RATE : -RATE // 2, 0] if len(samples) > 3 * RATE else samples[RATE // 2 : -RATE // 2, 0]
    half = len(middle) // 2
    time = np.arange(half) / RATE
    turn = np.exp(-2j * np.pi * expected_hz * time) * np.hanning(half)
    gained = np.angle((middle[half : 2 * half] @ turn) * np.conj(middle[:half] @ turn))
    gained = (gained - 2 * np.pi * expected_hz * half / RATE + np.pi) % (2 * np.pi) - np.pi
    return abs(1200 * float(np.log2(1 + gained / (2 * np.pi * half / RATE) / expected_hz)))


@pytest.mark.parametrize("operations", [[Tempo(1.1)], [Pitch(2)], [Tempo(0.8), Pitch(-3)]])
def test_the_level_is_kept(song: DemoSong, tmp_path: Path, operations: list[Operation]) -> None:
    source = tmp_path / "song.wav"
    source.write_bytes(song.path.read_bytes())
    before = soundfile.read(str(source))[0]

    after = rendered(source, operations)

    assert 10 * np.log10((after**2).mean() / (before**2).mean()) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("operations", [[Tempo(1.1)], [Pitch(2)]])
def test_swapping_the_channels_swaps_the_render(tmp_path: Path, operations: list[Operation]) -> None:
    samples = tone(300, 3.0) + noise(3.0)
    samples[:, 1] *= 0.4
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    straight = rendered(write(tmp_path / "one" / "a.wav", samples), operations)
    swapped = rendered(write(tmp_path / "two" / "a.wav", samples[:, ::-1]), operations)

    assert float(np.abs(straight - swapped[:, ::-1]).max()) < 1e-4


SAME_HASH = """
import sys
from pathlib import Path
from typing import Any
from tonearm_audio import OutputFormat, Pitch, Tempo, render
source, destination = map(Path, sys.argv[1:])
print(render(source, destination, operations=[Tempo(1.1), Pitch(2)], output=OutputFormat("flac")).pcm_sha256)
"""


def test_a_render_is_the_same_in_every_process_at_any_number_of_threads(tmp_path: Path, song: DemoSong) -> None:
    hashes, files = set(), set()
    for threads, features in (("1", ""), ("4", ""), ("2", "AVX512F AVX512CD AVX512_SKX AVX2 FMA3")):
        settings_ = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "NPY_DISABLE_CPU_FEATURES": features}
        destination = tmp_path / f"{threads}.flac"
        hashes.add(run_python(SAME_HASH, str(song.path), str(destination), env={**os.environ, **settings_}))
        files.add(destination.read_bytes())

    assert len(hashes) == len(files) == 1


def test_progress_rises_to_one(song: DemoSong, tmp_path: Path) -> None:
    seen: list[float] = []

    render(song.path, tmp_path / "a.wav", operations=[Tempo(1.2)], output=WAV, on_progress=seen.append)

    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0


@pytest.mark.parametrize("output", [WAV, FLAC, MP3])
def test_given_a_source_that_breaks_off_then_no_file_is_left(tmp_path: Path, output: OutputFormat) -> None:
    samples = noise(3.0)
    samples[-10] = np.nan
    source = write(tmp_path / "a.wav", samples, subtype="FLOAT")

    with pytest.raises(AudioError, match="no numbers"):
        render(source, tmp_path / f"b.{output.codec}", operations=[Tempo(1.1)], output=output)

    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


MEMORY = """
import sys
from pathlib import Path
from typing import Any
from tonearm_audio import Limits, OutputFormat, Pitch, Tempo, analyze, certify, probe, render
source, destination = map(Path, sys.argv[2:])
operations, output = [Tempo(1.1), Pitch(2)], OutputFormat("mp3")
if sys.argv[1] == "probe":
    probe(source, limits=Limits(3600))
elif sys.argv[1] == "analyze":
    analyze(source)
elif sys.argv[1] == "render":
    render(source, destination, operations=operations, output=output)
else:
    certify(source, source, operations=[], output=OutputFormat("wav"))
# The highest resident memory of this program alone; getrusage would count the test runner that started it.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024)
"""


@pytest.fixture(scope="module")
def long_and_short(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Given two minutes of music, which fill every buffer, and six."""
    folder = tmp_path_factory.mktemp("long")
    minute = (0.3 * tone(220, 60.0, rate=22_050) + noise(60.0, rate=22_050, gain=0.05)).astype(np.float32)
    with soundfile.SoundFile(str(folder / "long.wav"), "w", 22_050, 2) as file:
        for _ in range(6):
            file.write(minute)
    return write(folder / "short.wav", np.tile(minute, (2, 1)), rate=22_050), folder / "long.wav"


@pytest.mark.parametrize("work", ["probe", "analyze", "render", "certify"])
def test_memory_does_not_grow_with_the_length(tmp_path: Path, long_and_short: tuple[Path, Path], work: str) -> None:
    short, long = (float(run_python(MEMORY, work, str(path), str(tmp_path / "b.mp3"))) for path in long_and_short)

    assert long < 160
    assert long - short < 12


def test_the_source_itself_is_no_place_for_its_render(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(440, 1.0))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is the source itself"):
        render(path, tmp_path / "." / "song.wav", operations=[], output=OutputFormat("wav"))
    assert path.read_bytes() == before


@pytest.mark.parametrize(("codec", "bitrate_kbps"), [("mp3", 320), ("m4a", 128), ("opus", 96), ("ogg", 192)])
def test_what_an_encoder_takes_of_the_loudness_is_given_back(tmp_path: Path, codec: Any, bitrate_kbps: int) -> None:
    # Given noise, of which every lossy codec leaves out the highest frequencies
    path = write(tmp_path / "noise.wav", noise(8.0, gain=0.05))
    output = OutputFormat(codec, bitrate_kbps=bitrate_kbps)
    made = tmp_path / f"made.{codec}"
    # When it is brought to a loudness
    render(path, made, operations=[Loudness(-20.0)], output=output)
    # Then that is the loudness of the encoded file, and nothing else is left beside it
    assert analyze(made).loudness.integrated_lufs == pytest.approx(-20.0, abs=0.1)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [made.name, path.name]


@pytest.mark.parametrize(
    "output",
    [
        OutputFormat("mp3", bitrate_kbps=320),
        OutputFormat("mp3", bitrate_kbps=128),
        OutputFormat("mp3", bitrate_kbps=96),
        OutputFormat("mp3", bitrate_kbps=128, variable=True),
        OutputFormat("opus"),
        OutputFormat("m4a"),
    ],
    ids=lambda output: f"{output.codec} {output.bitrate_kbps} {output.variable}",
)
def test_given_noise_of_two_values_then_it_is_below_the_ceiling_after_encoding(
    tmp_path: Path, output: OutputFormat
) -> None:
    # Its samples reach a third of its true peak, and no codec overshoots farther with any other sound.
    samples = 0.7 * np.sign(noise(2.0))
    source = write(tmp_path / "a.wav", samples)
    destination = tmp_path / f"b.{output.codec}"

    render(source, destination, operations=[Equalize((Band("peak", 1000, 0.5),))], output=output)

    assert analyze(destination).loudness.true_peak_dbtp <= -1.0
