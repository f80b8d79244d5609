"""MP3s joined from parts, or with something else in their midst: all of their sound is heard, or they are refused."""

import io
from pathlib import Path

import numpy as np
import pytest

from tests.unit.audio.signals import noise
from tests.unit.audio.test_bad_recordings import refusal as plain_refusal
from tonearm_audio import AudioError, Limits, mpeg, probe
from tonearm_audio.encode import open_sink
from tonearm_audio.output_format import OutputFormat

LIMITS = Limits(max_duration_s=60.0)
JUNK_BYTES = 8 << 20
FRAME = b"\xff\xfb\x90\x64" + bytes(413)


class Counted(io.BytesIO):
    """Counts what is read."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        got = super().read(size)
        self.bytes_read += len(got)
        return got


def mp3_frames(folder: Path, *, rate: int = 44_100) -> list[bytes]:
    """Two seconds of sound without a count of its frames."""
    path = folder / "part.mp3"
    with open_sink(path, output=OutputFormat("mp3"), sample_rate_hz=rate, channels=2) as sink:
        sink.write(noise(2.0, rate=rate, gain=0.1).astype(np.float32))
    return mpeg.split_frames(path.read_bytes())[1:]


def title_tag(body: bytes, *, claimed: int | None = None) -> bytes:
    size = len(body) if claimed is None else claimed
    return b"ID3\x04\x00\x00" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + body


def picture(size: int) -> bytes:
    return np.random.default_rng(1).bytes(size)


def scanned(content: bytes) -> mpeg.Mp3Scan:
    found = mpeg.scan(io.BytesIO(content), len(content))
    assert found is not None
    return found


def refusal(path: Path, content: bytes) -> AudioError:
    error = plain_refusal(path, content)
    assert error.limit is not None
    return error


@pytest.mark.parametrize("size", [0, 3_000, 60_000, 100_000, 1_000_000])
def test_given_a_cover_between_two_parts_then_both_are_heard(tmp_path: Path, size: int) -> None:
    # Given two songs joined, the second with a title tag and a cover
    frames = mp3_frames(tmp_path)
    path = tmp_path / "joined.mp3"
    part = b"".join(frames)
    path.write_bytes(part + title_tag(picture(size)) + part)

    # When it is decoded
    found = probe(path, limits=LIMITS)

    # Then only the decoder's own delay is missing
    assert 0 <= 2 * 1152 * len(frames) - found.frames <= 2 * 1152


def test_given_a_cover_between_two_counted_parts_then_the_count_is_called_a_lie(tmp_path: Path) -> None:
    frames = mp3_frames(tmp_path)
    counted = (tmp_path / "part.mp3").read_bytes()

    error = refusal(tmp_path / "joined.mp3", counted + title_tag(picture(100_000)) + counted)

    assert error.code == "track.header_lies"
    assert isinstance(error.value, float)
    assert abs(error.value - 2 * len(frames) * 1152 / 44_100) < 0.1


def test_given_title_tags_in_a_row_then_one_frame_behind_them_counts(tmp_path: Path) -> None:
    # A frame alone is not found in junk, but where a tag ends it is.
    frames = mp3_frames(tmp_path)
    tags = title_tag(picture(70_000)) + title_tag(b"") + title_tag(bytes(300))

    found = scanned(b"".join(frames) + tags + frames[0])

    assert found.frames == len(frames) + 1


@pytest.mark.parametrize("claimed", [40_000, 0xFFFFFFF])
def test_given_a_title_tag_that_claims_sound_as_its_own_then_it_is_refused(tmp_path: Path, claimed: int) -> None:
    frames = mp3_frames(tmp_path)
    part = b"".join(frames)
    lying = part + title_tag(bytes(500), claimed=claimed) + part

    # Then the frames inside of it count, and the decoder that believes it comes up short
    assert scanned(lying).frames == 2 * len(frames)
    assert refusal(tmp_path / "joined.mp3", lying).code in {"track.truncated", "track.unreadable"}


@pytest.mark.parametrize("junk", [3_000, 70_000, 1_000_000])
def test_given_junk_that_a_decoder_gives_up_at_then_the_sound_behind_it_is_not_dropped(
    tmp_path: Path, junk: int
) -> None:
    frames = mp3_frames(tmp_path)
    part = b"".join(frames)

    assert scanned(part + bytes(junk) + part).frames == 2 * len(frames)
    assert refusal(tmp_path / "joined.mp3", part + bytes(junk) + part).code in {"track.truncated", "track.unreadable"}


@pytest.mark.parametrize("between", [b"", title_tag(bytes(100_000)), bytes(70_000)], ids=["", "a tag", "zeros"])
@pytest.mark.parametrize("rates", [(44_100, 22_050), (22_050, 44_100), (44_100, 48_000)])
def test_given_parts_of_two_sample_rates_then_both_rates_are_named(
    tmp_path: Path, rates: tuple[int, int], between: bytes
) -> None:
    first, second = (b"".join(mp3_frames(tmp_path, rate=rate)) for rate in rates)

    # When a part at another rate is in the midst, or at the end
    for content in (first + between + second, first + between + second + first):
        error = refusal(tmp_path / "joined.mp3", content)

        # Then the place where it begins is named too
        assert (error.code, error.value, error.limit) == ("track.unreadable", rates[1], rates[0])
        assert f"from {rates[0]} to {rates[1]} Hz after 2." in error.detail


def test_given_tags_and_junk_behind_the_sound_then_they_are_no_sound(tmp_path: Path) -> None:
    frames = mp3_frames(tmp_path)
    part = b"".join(frames)
    ape = b"APETAGEX\xd0\x07\x00\x00" + picture(200_000)
    path = tmp_path / "a.mp3"
    lengths = []
    for tail in (b"", b"TAG" + b"x" * 125, ape + b"TAG" + b"x" * 125, bytes(300_000), title_tag(picture(90_000))):
        path.write_bytes(part + tail)
        assert scanned(part + tail).frames == len(frames)
        lengths.append(probe(path, limits=LIMITS).frames)

    assert len(set(lengths)) == 1


def test_given_four_bytes_that_pass_for_a_header_of_another_rate_then_they_are_stepped_over(tmp_path: Path) -> None:
    frames = mp3_frames(tmp_path)
    part = b"".join(frames)

    found = scanned(part + b"\xff\xf3\x90\x64" + bytes(200) + part)

    assert (found.frames, found.next_rate_hz) == (2 * len(frames), None)


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00",
        b"\xff",
        b"\xff\xfb\x90\x64",  # headers without end that no frame follows
        b"\xff\xe3\x14\xc4",  # and of another rate
        FRAME + FRAME + b"x",  # a new start every two frames
        title_tag(b"") + b"\xff\xfb\x90\x64",
    ],
    ids=["zeros", "ones", "headers", "headers of another rate", "a new start every two frames", "title tags"],
)
@pytest.mark.parametrize("tail", [b"", FRAME * 20], ids=["to the end", "before more sound"])
def test_given_eight_megabytes_of_junk_then_every_byte_is_read_twice_at_most(junk: bytes, tail: bytes) -> None:
    # Given junk in which every step of the walk might look far ahead for the next frame
    content = FRAME * 20 + junk * (JUNK_BYTES // len(junk)) + tail
    file = Counted(content)

    # When the frames are walked
    found = mpeg.scan(file, len(content))

    # Then none is looked for twice in the same place
    assert found is not None
    assert file.bytes_read < 2.2 * len(content)
    assert found.frames >= 20 or found.next_rate_hz == 12_000
