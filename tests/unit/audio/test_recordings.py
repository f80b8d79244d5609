"""Recordings of phones and browsers: every frame is counted, sounds as it was recorded, and no join is heard."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.recordings import KINDS, Samples, record
from tonearm_audio import Limits, OutputFormat, analyze, certify, probe, render
from tonearm_audio.decode import Source

LIMITS = Limits(max_duration_s=120.0)
SECONDS = 30.0  # three chunks of AAC


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Samples]]:
    """Given nothing yet: recordings are made when a test asks for them."""
    folder = tmp_path_factory.mktemp("recordings")

    class Made(dict[str, tuple[Path, Samples]]):
        def __missing__(self, kind: str) -> tuple[Path, Samples]:
            self[kind] = record(folder, kind, seconds=SECONDS)
            return self[kind]

    return Made()


def decoded(path: Path, *, block: int = 1 << 16) -> Samples:
    with Source(path, limits=LIMITS) as source:
        return np.concatenate(list(source.blocks(block)))


def decoded_whole(path: Path) -> Samples:
    """What FFmpeg decodes a file to in one go, untrimmed at its end [shape=(frames, channels)]."""
    with av.open(str(path)) as container:
        frames: list[Any] = [frame.to_ndarray() for frame in container.decode(audio=0)]
    whole: Samples = np.concatenate(frames, axis=1).T
    return whole if whole.dtype == np.float32 else (whole / 2.0**31).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_is_named_and_its_frames_are_counted(
    recordings: dict[str, tuple[Path, Samples]], kind: str
) -> None:
    path, recorded = recordings[kind]
    made = KINDS[kind]

    found = probe(path, limits=LIMITS)

    assert (found.container, found.codec) == (made.container, made.codec)
    assert (found.sample_rate_hz, found.channels) == (made.rate, made.channels)
    assert found.frames == made.frames_of(recorded)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_sounds_as_it_was_recorded_from_its_first_sample_on(
    recordings: dict[str, tuple[Path, Samples]], kind: str
) -> None:
    path, recorded = recordings[kind]

    heard = decoded(path)[KINDS[kind].extra_frames :][: len(recorded)]

    if KINDS[kind].lossless:
        assert float(np.abs(heard - recorded).max()) < 2**-15
        return
    # Then no other shift of the glide fits as well; codecs change the first and the last moments
    middle = slice(4096, len(recorded) - 4096)
    errors = [
        float(np.mean((np.roll(heard, shift, axis=0)[middle] - recorded[middle]) ** 2)) for shift in range(-20, 21)
    ]
    assert int(np.argmin(errors)) == 20
    assert errors[20] < 0.005 * float(np.mean(recorded[middle] ** 2))


@pytest.mark.parametrize("kind", ["iphone aac", "m4a stereo", "safari mp4", "iphone alac", "android aac"])
def test_chunks_join_without_a_seam(recordings: dict[str, tuple[Path, Samples]], kind: str) -> None:
    path, _ = recordings[kind]

    heard = decoded(path)

    # Then every sample is what a decoder makes of the whole file at once
    assert np.array_equal(heard, decoded_whole(path)[: len(heard)])


@pytest.mark.parametrize("kind", ["iphone aac", "iphone alac", "chrome webm", "webm vorbis"])
def test_the_length_of_the_blocks_changes_nothing(recordings: dict[str, tuple[Path, Samples]], kind: str) -> None:
    path, _ = recordings[kind]

    assert np.array_equal(decoded(path, block=777), decoded(path))


@pytest.mark.parametrize("kind", ["iphone aac", "iphone alac", "chrome webm", "opus mp4", "ogg vorbis"])
@pytest.mark.parametrize("seconds", [0.06, 0.5, 1.2345])
def test_a_recording_of_any_length_keeps_it(tmp_path: Path, kind: str, seconds: float) -> None:
    path, recorded = record(tmp_path, kind, seconds=seconds)

    assert probe(path, limits=LIMITS).frames == len(recorded)


def test_the_name_of_a_recording_plays_no_part(tmp_path: Path, recordings: dict[str, tuple[Path, Samples]]) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(recordings["chrome webm"][0].read_bytes())

    assert probe(path, limits=LIMITS).container == "webm"


@pytest.mark.parametrize("kind", ["iphone aac", "chrome webm"])
def test_a_recording_is_analyzed_rendered_and_certified(tmp_path: Path, kind: str) -> None:
    path, recorded = record(tmp_path, kind, seconds=6.0)
    output = OutputFormat("flac")

    analysis = analyze(path)
    result = render(path, tmp_path / "out.flac", operations=[], output=output)
    certificate = certify(path, tmp_path / "out.flac", operations=[], output=output)

    assert analysis.to_dict()["duration_s"] == 6.0
    assert result.frames == len(recorded)
    assert certificate.kept


def test_only_what_holds_aac_or_alac_loads_their_decoder(recordings: dict[str, tuple[Path, Samples]]) -> None:
    code = (
        "import sys; from pathlib import Path; from tonearm_audio import Limits, probe\n"
        "for path in sys.argv[1:]:\n"
        "    probe(Path(path), limits=Limits(120)); print('codecpod' in sys.modules)\n"
    )
    paths = [str(recordings[kind][0]) for kind in ("chrome webm", "opus mp4", "webm vorbis", "iphone aac")]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout.split() == ["False", "False", "False", "True"]
