"""Recordings that are damaged, cut off, lie or are no songs: refused with a code, the value, the limit and the mend."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from tests.support.recordings import KINDS, known_signal, record
from tests.unit.audio.test_probe import damaged
from tonearm_audio import AudioError, Limits, matroska, mp4, ogg, probe

LIMITS = Limits(max_duration_s=60.0)
Change = Callable[[bytes], bytes]


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Given two seconds of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    return {kind: record(folder, kind, seconds=2.0)[0].read_bytes() for kind in KINDS}


def refusal(path: Path, content: bytes) -> AudioError:
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        probe(path, limits=LIMITS)
    assert caught.value.mend.endswith(".")
    assert caught.value.value is not None
    return caught.value


def swap(old: bytes, new: bytes) -> Change:
    """Replace every occurrence."""

    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return change


def patch(after: bytes, offset: int, new: bytes) -> Change:
    """Overwrite bytes at a distance behind the first occurrence of others."""

    def change(content: bytes) -> bytes:
        at = content.index(after) + len(after) + offset
        return content[:at] + new + content[at + len(new) :]

    return change


def without_second(kind: bytes) -> Change:
    """Take a box out of its place by giving it a kind that nobody knows."""

    def change(content: bytes) -> bytes:
        at = content.index(kind, content.index(kind) + 4)
        return content[:at] + b"free" + content[at + 4 :]

    return change


def cut(share: float) -> Change:
    return lambda content: content[: int(len(content) * share)]


def before(mark: bytes) -> Change:
    return lambda content: content[: content.index(mark) - 4]


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def nested(kind: bytes, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = box(kind, content)
    return content


def noisy_packets(content: bytes) -> bytes:
    """Noise in place of what is between the headers of bare AAC."""
    parts = content.split(b"\xff\xf1\x50")
    generator = np.random.default_rng(2)
    return b"\xff\xf1\x50".join(part[:4] + generator.bytes(max(0, len(part) - 4)) for part in parts)


def resealed(change: Change) -> Change:
    """Make a change within the first page of an Ogg file, and give the page the checksum that it then has."""

    def changed(content: bytes) -> bytes:
        content = change(content)
        end = content.index(b"OggS", 4)
        checksum = ogg.page_checksum(content[:22] + bytes(4) + content[26:end])
        return content[:22] + struct.pack("<I", checksum) + content[26:]

    return changed


def aac_of(rate: int, channels: int) -> Change:
    """Overwrite the AudioSpecificConfig of an MP4 with one that spells out its rate."""
    config = int(f"{2:05b}{15:04b}{rate:024b}{channels:04b}000", 2).to_bytes(5)
    return patch(b"\x05\x80\x80\x80\x05", 0, config)


@dataclass(frozen=True)
class Bad:
    """A change to a recording and the code that it must be refused with."""

    kind: str
    change: Change
    code: str


U32 = b"\xff\xff\xff\xff"
U384K = struct.pack("<I", 384_000)
VORBIS = b"\x01vorbis"
FILE_TYPE = box(b"ftyp", b"isom\0\0\0\0isom")
BAD: dict[str, Bad] = {
    "mp4 of pictures only": Bad("iphone aac", swap(b"soun", b"vide"), "track.no_audio"),
    "mp4 without tracks": Bad("iphone aac", swap(b"trak", b"free"), "track.no_audio"),
    "mp4 in AMR": Bad("iphone aac", swap(b"mp4a", b"samr"), "track.codec_unsupported"),
    "mp4 in MP3": Bad("iphone aac", patch(b"\x04\x80\x80\x80", 1, b"\x6b"), "track.codec_unsupported"),
    "mp4 in xHE-AAC": Bad("iphone aac", patch(b"\x05\x80\x80\x80", 1, b"\xf9\x40"), "track.codec_unsupported"),
    "mp4 without its table of contents": Bad("iphone aac", before(b"moov"), "track.truncated"),
    "mp4 cut in its table of contents": Bad("iphone aac", lambda content: content[:-50], "track.truncated"),
    "mp4 fragments cut": Bad("safari mp4", cut(0.6), "track.truncated"),
    "mp4 with a fragment missing": Bad("safari mp4", without_second(b"moof"), "track.header_lies"),
    "mp4 whose samples are elsewhere": Bad("iphone aac", patch(b"stco", 8, b"\x7f\0\0\0"), "track.truncated"),
    "mp4 with 2^32-1 packets": Bad("iphone aac", patch(b"stsz", 8, U32), "track.header_lies"),
    "mp4 with 2^32-1 packets of one size": Bad("iphone aac", patch(b"stsz", 4, b"\0\0\0\1" + U32), "track.header_lies"),
    "mp4 with more packets than sizes": Bad("iphone aac", patch(b"stsz", 8, b"\0\0\x10\0"), "track.header_lies"),
    "mp4 with packets of 4 GB": Bad("iphone aac", patch(b"stsz", 12, U32), "track.header_lies"),
    "mp4 with 2^32-1 chunks": Bad("iphone aac", patch(b"stco", 4, U32), "track.header_lies"),
    "mp4 with chunks out of order": Bad("iphone aac", patch(b"stsc", 8, b"\0\0\0\x09"), "track.header_lies"),
    "mp4 with 2^32-1 durations": Bad("iphone aac", patch(b"stts", 4, U32), "track.header_lies"),
    "mp4 with durations of 2^32-1 packets": Bad("iphone aac", patch(b"stts", 8, U32), "track.header_lies"),
    "mp4 with an endless edit list": Bad("iphone aac", patch(b"elst", 4, U32), "track.header_lies"),
    "mp4 with a clock that stands": Bad("iphone aac", patch(b"mdhd", 12, bytes(4)), "track.header_lies"),
    "mp4 with a box of 4 bytes": Bad("iphone aac", lambda content: content + b"\0\0\0\4free", "track.header_lies"),
    "mp4 with no packets": Bad("iphone aac", patch(b"stsz", 8, bytes(4)), "track.too_short"),
    "mp4 of boxes in boxes": Bad("iphone aac", lambda _: FILE_TYPE + nested(b"moov", 3000), "track.no_audio"),
    "mp4 with nothing in it": Bad("iphone aac", lambda _: FILE_TYPE + box(b"mdat", b""), "track.truncated"),
    "mp4 of zeros": Bad("iphone aac", lambda content: content[:32] + bytes(5000), "track.truncated"),
    "aac of nonsense": Bad("iphone aac", lambda content: nonsense(content, b"mdat", b"moov"), "track.unreadable"),
    "alac of nonsense": Bad("iphone alac", lambda content: nonsense(content, b"mdat", b"moov"), "track.unreadable"),
    "alac with packets of 2^32-1 frames": Bad("iphone alac", patch(b"alac", 40, U32), "track.header_lies"),
    # AAC cannot say 100 channels or 384 kHz of anything that an encoder writes: its packets do not decode by it.
    "aac at 384 kHz": Bad("iphone aac", aac_of(384_000, 1), "track.unreadable"),
    "aac at 0 Hz": Bad("iphone aac", aac_of(0, 1), "track.unreadable"),
    "aac with 15 channels": Bad("iphone aac", aac_of(48_000, 15), "track.unreadable"),
    "fragmented aac at 384 kHz": Bad("safari mp4", aac_of(384_000, 1), "track.unreadable"),
    "fragmented aac with 7 channels": Bad("safari mp4", aac_of(48_000, 7), "track.unreadable"),
    "alac at 384 kHz": Bad("iphone alac", patch(b"alac", 60, U384K[::-1]), "track.sample_rate_unsupported"),
    "alac at 1 Hz": Bad("iphone alac", patch(b"alac", 60, b"\0\0\0\1"), "track.sample_rate_unsupported"),
    "alac at 0 Hz": Bad("iphone alac", patch(b"alac", 60, bytes(4)), "track.unreadable"),
    "alac with 8 channels": Bad("iphone alac", patch(b"alac", 49, b"\x08"), "track.too_many_channels"),
    "alac with 100 channels": Bad("iphone alac", patch(b"alac", 49, b"\x64"), "track.unreadable"),
    "alac with no channels": Bad("iphone alac", patch(b"alac", 49, b"\0"), "track.unreadable"),
    "opus in webm with 100 channels": Bad("webm stereo", patch(b"OpusHead", 1, b"\x64"), "track.header_lies"),
    "opus in webm with no channels": Bad("chrome webm", patch(b"OpusHead", 1, b"\0"), "track.header_lies"),
    "opus in ogg with 100 channels": Bad("firefox ogg", resealed(patch(b"OpusHead", 1, b"\x64")), "track.header_lies"),
    "opus in ogg with no channels": Bad("firefox ogg", resealed(patch(b"OpusHead", 1, b"\0")), "track.header_lies"),
    "opus in mp4 with no channels": Bad("opus mp4", patch(b"dOps", 1, b"\0"), "track.header_lies"),
    "vorbis in webm at 384 kHz": Bad("webm vorbis", patch(VORBIS, 5, U384K), "track.sample_rate_unsupported"),
    "vorbis in webm at 0 Hz": Bad("webm vorbis", patch(VORBIS, 5, bytes(4)), "track.header_lies"),
    "vorbis in webm with 100 channels": Bad("webm vorbis", patch(VORBIS, 4, b"\x64"), "track.unreadable"),
    "vorbis in webm with no channels": Bad("webm vorbis", patch(VORBIS, 4, b"\0"), "track.header_lies"),
    "vorbis in ogg at 384 kHz": Bad("ogg vorbis", resealed(patch(VORBIS, 5, U384K)), "track.sample_rate_unsupported"),
    "vorbis in ogg at 0 Hz": Bad("ogg vorbis", resealed(patch(VORBIS, 5, bytes(4))), "track.header_lies"),
    "vorbis in ogg with 100 channels": Bad("ogg vorbis", resealed(patch(VORBIS, 4, b"\x64")), "track.unreadable"),
    "vorbis in ogg with no channels": Bad("ogg vorbis", resealed(patch(VORBIS, 4, b"\0")), "track.header_lies"),
    "opus in mp4 with 100 channels": Bad("opus mp4", patch(b"dOps", 1, b"\x64"), "track.header_lies"),
    "webm of pictures only": Bad("webm stereo", swap(b"\x83\x81\x02", b"\x83\x81\x01"), "track.no_audio"),
    "webm in AC-3": Bad("webm stereo", swap(b"A_OPUS", b"A_AC3\0"), "track.codec_unsupported"),
    "webm without tracks": Bad("webm stereo", swap(b"\x16\x54\xae\x6b", b"\x11\x4d\x9b\x74"), "track.no_audio"),
    "webm cut": Bad("webm stereo", cut(0.7), "track.truncated"),
    "live webm cut": Bad("chrome webm", lambda content: content[:-3], "track.truncated"),
    "live webm of nothing": Bad("chrome webm", before(b"\x1f\x43\xb6\x75"), "track.truncated"),
    "webm of zeros": Bad("chrome webm", lambda content: content[:800] + bytes(5000), "track.truncated"),
    "webm with an Opus header cut": Bad("webm stereo", patch(b"OpusHead", 0, b"\xff"), "track.header_lies"),
    "webm vorbis without a setup": Bad("webm vorbis", swap(b"\x05vorbis", b"\x05vorbiz"), "track.header_lies"),
    "ogg opus cut": Bad("firefox ogg", cut(0.5), "track.truncated"),
    "ogg vorbis cut": Bad("ogg vorbis", cut(0.7), "track.truncated"),
    "ogg without its last page": Bad(
        "firefox ogg", lambda content: content[: content.rindex(b"OggS")], "track.truncated"
    ),
    "ogg glued to another": Bad("ogg vorbis", lambda content: content * 2, "track.header_lies"),
    "ogg in Speex": Bad("firefox ogg", swap(b"OpusHead", b"Speex   "), "track.codec_unsupported"),
    "ogg of pictures": Bad("firefox ogg", swap(b"OpusHead", b"\x80theora"), "track.no_audio"),
    "bare aac cut": Bad("android aac", lambda content: content[:-50], "track.truncated"),
    "bare aac of one packet": Bad("android aac", lambda content: content[:300], "track.not_audio"),
    "bare aac of nonsense": Bad("android aac", noisy_packets, "track.unreadable"),
    "bare aac in a kind that no encoder writes": Bad(
        "android aac", swap(b"\xff\xf1\x50", b"\xff\xf1\x7c"), "track.unreadable"
    ),
    "aiff cut": Bad("aiff 16", cut(0.5), "track.header_lies"),
    "aiff header only": Bad("aiff 16", before(b"SSND"), "track.header_lies"),
    "aiff with 2^32-1 frames": Bad("aiff 16", patch(b"COMM", 6, U32), "track.header_lies"),
    "aiff with no channels": Bad("aiff 16", patch(b"COMM", 4, b"\0\0"), "track.header_lies"),
}


def nonsense(content: bytes, start: bytes, end: bytes) -> bytes:
    """Noise in place of all packets."""
    first, last = content.index(start) + 4, content.index(end) - 4
    return content[:first] + np.random.default_rng(2).bytes(last - first) + content[last:]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_recording_is_refused_by_what_is_wrong(tmp_path: Path, originals: dict[str, bytes], name: str) -> None:
    bad = BAD[name]

    error = refusal(tmp_path / "upload", bad.change(originals[bad.kind]))

    assert error.code == bad.code
    assert error.limit is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_click_is_too_short(tmp_path: Path, kind: str) -> None:
    # Priming and padding of two packets of AAC are 46 ms.
    path, _ = record(tmp_path, kind, seconds=0.01)

    error = refusal(path, path.read_bytes())

    assert (error.code, error.limit) == ("track.too_short", 0.05)


@pytest.mark.parametrize("kind", ["iphone aac", "iphone alac", "chrome webm", "opus mp4", "webm vorbis", "firefox ogg"])
def test_a_recording_over_the_limit_is_refused_with_both_lengths(
    tmp_path: Path, originals: dict[str, bytes], kind: str
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(originals[kind])

    with pytest.raises(AudioError) as caught:
        probe(path, limits=Limits(max_duration_s=1.5))

    assert (caught.value.code, caught.value.limit) == ("track.too_long", 1.5)


@pytest.mark.parametrize(
    ("rate", "channels", "code"),
    [(384_000, 2, "track.sample_rate_unsupported"), (8000, 100, "track.too_many_channels")],
)
def test_an_aiff_out_of_bounds_is_refused(tmp_path: Path, rate: int, channels: int, code: str) -> None:
    path = tmp_path / "a.aiff"
    soundfile.write(str(path), np.zeros((rate, channels)), rate)

    assert refusal(path, path.read_bytes()).code == code


@pytest.mark.parametrize(("encoder", "sample_format"), [("libopus", "flt"), ("aac", "fltp")])
def test_a_recording_in_surround_is_refused(tmp_path: Path, encoder: str, sample_format: str) -> None:
    path = tmp_path / "film"
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream(encoder, rate=48_000)
        stream.layout = "5.1"
        for index in range(20):
            shape = (1, 6 * 960) if sample_format == "flt" else (6, 960)
            frame = av.AudioFrame.from_ndarray(np.zeros(shape, np.float32), format=sample_format, layout="5.1")
            frame.sample_rate, frame.pts = 48_000, 960 * index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    error = refusal(path, path.read_bytes())

    assert (error.code, error.value, error.limit) == ("track.too_many_channels", 6, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_aiff_of_no_numbers_is_refused(tmp_path: Path, bad: float) -> None:
    samples = known_signal(1.0, rate=44_100, channels=2)
    samples[4410, 0] = bad
    path = tmp_path / "a.aiff"
    soundfile.write(str(path), samples, 44_100, subtype="FLOAT")

    error = refusal(path, path.read_bytes())

    assert error.code == "track.not_finite"
    assert "0.100 s" in error.detail


def test_more_boxes_than_any_song_has_are_not_walked(
    tmp_path: Path, originals: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp4, "_MOST_BOXES", 1000)
    content = originals["iphone aac"]

    error = refusal(tmp_path / "upload", content + box(b"free", b"") * 1001)

    assert (error.code, error.limit) == ("track.header_lies", 1000)


def test_more_elements_than_any_song_has_are_not_walked(
    tmp_path: Path, originals: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matroska, "_MOST_ELEMENTS", 1000)

    error = refusal(tmp_path / "upload", originals["webm stereo"] + b"\xec\x80" * 1001)

    assert (error.code, error.limit) == ("track.header_lies", 1000)


@pytest.mark.parametrize("kind", ["webm stereo", "chrome webm", "opus mp4", "firefox ogg"])
@pytest.mark.parametrize("rate", [0, 384_000, 2**32 - 1])
def test_opus_is_decoded_in_full_whatever_rate_was_recorded(
    tmp_path: Path, originals: dict[str, bytes], kind: str, rate: int
) -> None:
    # Given a header that does not know the recording's rate, or says what cannot be; Opus itself has 48 kHz
    mark, order = (b"dOps", ">I") if kind == "opus mp4" else (b"OpusHead", "<I")
    change = patch(mark, 4, struct.pack(order, rate))
    path = tmp_path / "upload"
    path.write_bytes((resealed(change) if kind == "firefox ogg" else change)(originals[kind]))

    found = probe(path, limits=LIMITS)

    assert (found.sample_rate_hz, found.frames) == (48_000, 96_000)


def test_a_last_box_without_a_size_goes_to_the_end(tmp_path: Path, originals: dict[str, bytes]) -> None:
    content = originals["iphone aac"]
    at = content.index(b"moov") - 4
    path = tmp_path / "upload"
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])

    assert probe(path, limits=LIMITS).duration_s == 2.0


def test_a_few_damaged_packets_are_silence_of_their_length(tmp_path: Path, originals: dict[str, bytes]) -> None:
    content = bytearray(originals["iphone aac"])
    middle = len(content) // 2
    content[middle : middle + 900] = np.random.default_rng(4).bytes(900)
    path = tmp_path / "upload"
    path.write_bytes(content)

    assert probe(path, limits=LIMITS).duration_s == 2.0


@pytest.mark.parametrize("title", [b"", b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)])
def test_bare_aac_goes_on_behind_damage_and_between_title_tags(
    tmp_path: Path, originals: dict[str, bytes], title: bytes
) -> None:
    # Given a header gone, and with it one packet
    content = originals["android aac"]
    place = content.index(b"\xff\xf1\x50", len(content) // 2)
    path = tmp_path / "upload"
    path.write_bytes(title + content[:place] + bytes(7) + content[place + 7 :] + b"TAG" + bytes(125))

    whole = KINDS["android aac"].frames_of(known_signal(2.0, rate=44_100, channels=2))
    assert probe(path, limits=LIMITS).frames == whole - 1024


def flipped(content: bytes, generator: np.random.Generator) -> bytes:
    """Overwrite some bytes and keep the length, so that what is behind them stays in its place."""
    data = bytearray(content)
    for _ in range(generator.integers(1, 6)):
        at = int(generator.integers(0, len(data)))
        data[at] = int(generator.choice([0, 255, data[at] ^ 1 << int(generator.integers(0, 8))]))
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_given_damaged_bytes_then_a_probe_answers_or_refuses(
    tmp_path: Path, originals: dict[str, bytes], kind: str
) -> None:
    content = originals[kind]
    tables = max(0, content.find(b"moov"))
    generator = np.random.default_rng(17)
    path = tmp_path / "upload"
    for count in range(120):
        # Headers and tables hold the fields that matter most.
        start, end = [(0, len(content)), (0, 600), (tables, tables + 800)][count % 3]
        hurt = flipped if count % 2 else damaged
        path.write_bytes(content[:start] + hurt(content[start:end], generator) + content[end:])
        try:
            frames = probe(path, limits=LIMITS).frames
        except AudioError as error:
            outcome = bool(error.detail and error.mend)
        else:
            outcome = 0 < frames <= 60 * 192_000
        assert outcome
