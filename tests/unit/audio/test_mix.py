"""Mix: each file where it belongs in time and in the stereo image, nothing lost, however the song is cut."""

import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, noise, processed, tone, write
from tonearm_audio import AudioError, OutputFormat, compress, equalize, mix, render, reverb
from tonearm_audio.decode import FloatBlock, Source
from tonearm_audio.mix import mixed_frames, panned, process
from tonearm_audio.operations import Band, Compress, Equalize, Mix, MixTrack, Reverb

SONG = noise(1.5).astype(np.float32)
MINUS_3_DB = math.sqrt(0.5)


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given half a second of another song, in stereo."""
    return write(tmp_path_factory.mktemp("mix") / "voice.wav", noise(0.5, seed=2), subtype="FLOAT")


@pytest.fixture(scope="module")
def drum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given half a second in mono."""
    return write(tmp_path_factory.mktemp("mix") / "drum.wav", noise(0.5, seed=3, channels=1), subtype="FLOAT")


def mixed(operation: Mix, *, samples: FloatBlock = SONG, size: int = 4096, rate: int = RATE) -> FloatBlock:
    return processed(process, operation, samples, size, rate=rate)


def heard(path: Path) -> FloatBlock:
    with Source(path) as source:
        return np.concatenate(list(source.blocks()))


def test_a_file_that_is_no_sound_is_refused_before_the_song_is_read(voice: Path, tmp_path: Path) -> None:
    # Given a letter that would be heard at the end
    letter, progress = tmp_path / "letter.wav", list[float]()
    letter.write_text("This is a letter. " * 99)
    operations = [Mix((MixTrack(voice), MixTrack(letter, start_s=0.4)))]
    with pytest.raises(AudioError) as refused:
        render(
            voice, tmp_path / "out.wav", operations=operations, output=OutputFormat("wav"), on_progress=progress.append
        )
    assert (refused.value.code, refused.value.file) == ("track.not_audio", letter)
    assert not any(progress)


def test_the_sum_is_the_song_and_each_file_from_its_start(voice: Path, drum: Path) -> None:
    operation = Mix((MixTrack(voice, gain_db=-6, start_s=0.25), MixTrack(drum, pan=-1)))

    out = mixed(operation)

    expected = SONG.astype(np.float64)
    other = heard(voice)
    expected[RATE // 4 : RATE // 4 + len(other)] += other * 10 ** (-6 / 20)
    expected[: RATE // 2, 0] += heard(drum)[:, 0]
    assert out == pytest.approx(expected, abs=1e-6)


def test_the_mix_is_as_long_as_what_ends_last(voice: Path) -> None:
    assert len(mixed(Mix((MixTrack(voice),)))) == len(SONG)

    out = mixed(Mix((MixTrack(voice, start_s=2.0), MixTrack(voice))))

    assert len(out) == round(2.5 * RATE) == mixed_frames(Mix((MixTrack(voice, start_s=2.0),)), RATE)
    assert not out[len(SONG) : 2 * RATE].any()
    assert np.array_equal(out[2 * RATE :], heard(voice))


def test_mono_in_the_middle_is_3_db_down_on_each_side_and_as_loud_as_at_an_end() -> None:
    mono = noise(0.1, channels=1).astype(np.float32)

    middle = panned(mono, gain_db=0, pan=0)

    assert middle == pytest.approx(np.repeat(mono, 2, axis=1) * MINUS_3_DB, rel=1e-6)
    for pan in np.linspace(-1, 1, 9):
        out = panned(mono, gain_db=0, pan=float(pan)).astype(np.float64)
        assert (out**2).sum() == pytest.approx((mono.astype(np.float64) ** 2).sum(), rel=1e-5)


def test_stereo_in_the_middle_is_not_touched_and_at_an_end_nothing_is_lost() -> None:
    assert np.array_equal(panned(SONG, gain_db=0, pan=0), SONG)

    right = panned(SONG, gain_db=0, pan=1)

    assert right[:, 0] == pytest.approx(0, abs=1e-7)
    assert right[:, 1] == pytest.approx(SONG.sum(axis=1), abs=1e-6)


@given(pan=st.floats(-1, 1), gain_db=st.floats(-60, 12), channels=st.integers(1, 2))
@settings(max_examples=50)
def test_left_and_right_are_alike(pan: float, gain_db: float, channels: int) -> None:
    block = SONG[:256, :channels]

    here, there = panned(block, gain_db=gain_db, pan=pan), panned(block[:, ::-1].copy(), gain_db=gain_db, pan=-pan)

    assert here == pytest.approx(there[:, ::-1], abs=1e-6)


def test_the_song_itself_has_a_gain_and_a_place(drum: Path) -> None:
    song = noise(0.5, channels=1).astype(np.float32)

    out = mixed(Mix((MixTrack(drum, pan=1),), gain_db=-12, pan=-1), samples=song)

    assert out[:, 0] == pytest.approx(song[:, 0] * 10 ** (-12 / 20), abs=1e-6)
    assert out[:, 1] == pytest.approx(heard(drum)[:, 0], abs=1e-6)


def test_a_strip_is_an_equalizer_then_a_compressor_then_a_reverb(voice: Path) -> None:
    # Given a bass cut and a threshold between what is before it and behind it: in another order it sounds different
    equalizer = Equalize((Band("high_pass", 2000.0),))
    compressor, room = Compress(threshold_dbfs=-40, ratio=10, makeup_db=12), Reverb(mix=0.5, decay_s=0.2)

    out = mixed(Mix((MixTrack(voice, equalize=equalizer, compress=compressor, reverb=room),)), samples=SONG[:1] * 0)

    expected = iter([heard(voice)])
    for process_strip, operation in ((equalize, equalizer), (compress, compressor), (reverb, room)):
        expected = process_strip.process(expected, operation=operation, sample_rate_hz=RATE, channels=2)
    assert np.array_equal(out, np.concatenate(list(expected)))


def test_what_is_turned_out_of_phase_cancels(voice: Path, tmp_path: Path) -> None:
    # Given the file that is mixed in, and a song that is its opposite
    opposite = -heard(voice)

    out = mixed(Mix((MixTrack(voice),)), samples=opposite)

    assert not out.any()


@pytest.mark.parametrize("rate", [22_050, 48_000, 96_000])
def test_a_file_of_another_rate_keeps_its_pitch_its_place_and_its_length(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "tone.wav", tone(1000, 1.0, rate=rate), rate=rate, subtype="FLOAT")
    silence = np.zeros((RATE // 10, 2), np.float32)
    operation = Mix((MixTrack(path, start_s=0.5),))

    out = mixed(operation, samples=silence)

    assert len(out) == mixed_frames(operation, RATE) == round(1.5 * RATE)
    assert not out[: RATE // 2 - 500].any()
    inner = slice(RATE // 2 + 1000, -1000)
    expected = np.concatenate([np.zeros((RATE // 2, 2)), tone(1000, 1.0)])
    assert out[inner] == pytest.approx(expected[inner], abs=1e-3)


@pytest.mark.parametrize(("rate", "frames"), [(8_000, 1000), (48_000, 32_080), (96_000, 1), (44_100, 1)])
def test_a_file_of_another_rate_is_as_long_as_it_was_to_a_frame(tmp_path: Path, rate: int, frames: int) -> None:
    # Given lengths at which a resampler alone is off by one
    path = write(tmp_path / "part.wav", noise(1.0)[:frames], rate=rate, subtype="FLOAT")
    operation = Mix((MixTrack(path),))

    out = mixed(operation, samples=SONG[:1])

    assert len(out) == mixed_frames(operation, RATE) == max(1, round(frames * RATE / rate))


@given(cuts=st.lists(st.integers(1, 20_000), min_size=1, max_size=12))
@settings(max_examples=20)
def test_it_does_not_matter_how_the_song_is_cut(voice: Path, drum: Path, cuts: list[int]) -> None:
    operation = Mix((MixTrack(voice, start_s=1.2), MixTrack(drum, gain_db=-3, pan=0.3, start_s=0.01)), pan=0.2)

    def pieces() -> Iterator[FloatBlock]:
        at = 0
        while at < len(SONG):
            for cut in cuts:
                if at < len(SONG):
                    yield SONG[at : at + cut]
                at += cut

    made = process(pieces(), operation=operation, sample_rate_hz=RATE, channels=2)

    assert np.array_equal(np.concatenate(list(made)), mixed(operation))


def test_every_block_is_the_callers_own(voice: Path) -> None:
    before = SONG.copy()

    for block in process(iter([SONG]), operation=Mix((MixTrack(voice),)), sample_rate_hz=RATE, channels=2):
        block[:] = 9

    assert np.array_equal(before, SONG)


def test_sixteen_songs_sound_together(voice: Path) -> None:
    operation = Mix(tuple(MixTrack(voice, gain_db=-24, start_s=index / 50) for index in range(15)))

    out = mixed(operation)

    assert out.shape == (len(SONG), 2)
    assert np.isfinite(out).all()


class Opened(Source):
    """A source that tells how many are open."""

    count = 0
    most = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        Opened.count += 1
        Opened.most = max(Opened.most, Opened.count)

    def _close(self) -> None:
        Opened.count -= 1
        super()._close()


def test_files_are_open_while_they_are_heard_and_closed_when_nobody_listens_any_more(
    voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mix, "Source", Opened)
    monkeypatch.setattr(Opened, "most", 0)

    # When files follow each other, Then one at a time is open
    mixed(Mix(tuple(MixTrack(voice, start_s=0.6 * index) for index in range(4))))
    assert (Opened.most, Opened.count) == (1, 0)

    # When somebody stops in the middle, Then none stays open
    stream = process(iter([SONG[:100]]), operation=Mix((MixTrack(voice),)), sample_rate_hz=RATE, channels=2)
    next(stream)
    assert Opened.count == 1
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert Opened.count == 0


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    def peak_bytes(seconds: float) -> int:
        path = write(tmp_path / f"{seconds}.wav", noise(seconds, rate=8_000), rate=8_000)
        stream = process(iter([SONG]), operation=Mix((MixTrack(path),) * 3), sample_rate_hz=16_000, channels=2)
        tracemalloc.start()
        try:
            for _ in stream:
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_bytes(240) < 1.1 * peak_bytes(80)


def test_a_file_that_is_no_song_is_refused(tmp_path: Path, voice: Path) -> None:
    picture = tmp_path / "picture.wav"
    picture.write_bytes(b"\x89PNG" + bytes(500))

    for work in (lambda: mixed(Mix((MixTrack(picture),))), lambda: mixed_frames(Mix((MixTrack(picture),)), RATE)):
        with pytest.raises(AudioError) as refusal:
            work()
        assert refusal.value.code == "track.not_audio"
