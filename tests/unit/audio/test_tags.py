"""Tags and cover: read from every format, written to every format, and harmless when they are broken.

mutagen, which has its own reading of each standard, is the oracle both ways.
"""

# mypy: disable-error-code="no-untyped-call,attr-defined,no-any-return,union-attr"
import base64
import io
import random
import struct
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen import aiff, flac, id3, mp4, oggopus, oggvorbis, wave
from mutagen.mp3 import MP3

from tests.unit.audio.signals import noise
from tonearm_audio import Limits, OutputFormat, probe
from tonearm_audio.decode import Source
from tonearm_audio.encode import open_sink
from tonearm_audio.tag_reading import read_tags
from tonearm_audio.tag_writing import id3 as id3_tag
from tonearm_audio.tags import LARGEST_COVER_BYTES, MOST_TAG_BYTES, MOST_TEXT_BYTES, Cover, Tags

LIMITS = Limits(max_duration_s=600.0, min_duration_s=0.0)
CODECS = ["mp3", "wav", "flac", "ogg", "opus", "m4a"]
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1)) * 300
TAGS = Tags(
    title="Größe 東京 🎵",
    artist="Ann; Bo",
    album="An album",
    album_artist="Various",
    date="2026-11-21",
    genre="Drum & Bass",
    track="3/12",
    comment="A comment\nof two lines",
    lyrics="La\nla",
    cover=Cover(JPEG),
)


def written(path: Path, tags: Tags | None, *, seconds: float = 0.5) -> Path:
    output = OutputFormat(path.suffix[1:])  # type: ignore[arg-type]  # a str
    with open_sink(path, output=output, sample_rate_hz=48000, channels=2, tags=tags) as sink:
        sink.write(noise(seconds, rate=48000).astype(np.float32))
    return path


def samples(path: Path) -> np.ndarray:
    with Source(path) as source:
        return np.concatenate(list(source.blocks()))


# --- out


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "tags",
    [TAGS, Tags(title="x"), Tags(cover=Cover(PNG)), Tags(track="7"), Tags(lyrics="l" * 300_000)],
    ids=["all", "title", "cover", "track", "lyrics"],
)
def test_what_is_written_is_read_again_and_the_sound_is_the_same(tmp_path: Path, codec: str, tags: Tags) -> None:
    tagged, plain = written(tmp_path / f"a.{codec}", tags), written(tmp_path / f"b.{codec}", None)

    assert read_tags(tagged) == tags
    assert not read_tags(plain)
    assert probe(tagged, limits=LIMITS).frames == 24000
    assert np.array_equal(samples(tagged), samples(plain))


@pytest.mark.parametrize("codec", CODECS)
def test_the_largest_cover_passes(tmp_path: Path, codec: str) -> None:
    tags = Tags(title="x", cover=Cover(PNG + bytes(LARGEST_COVER_BYTES - len(PNG))))

    path = written(tmp_path / f"a.{codec}", tags)

    assert read_tags(path) == tags
    assert len(samples(path)) == 24000


@pytest.mark.parametrize("codec", CODECS)
def test_mutagen_reads_the_same_from_what_is_written(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path / f"a.{codec}", TAGS)

    file = mutagen.File(path)

    assert abs(file.info.length - 0.5) < 0.06
    if codec in {"mp3", "wav"}:
        found = {name: str(file.tags.getall(name)[0]) for name in ("TIT2", "TPE1", "TALB", "TPE2", "TDRC", "TCON")}
        assert list(found.values()) == [TAGS.title, TAGS.artist, TAGS.album, "Various", TAGS.date, TAGS.genre]
        assert str(file.tags["TRCK"]) == "3/12"
        assert [frame.text for frame in file.tags.getall("USLT")] == [TAGS.lyrics]
        assert file.tags.getall("COMM")[0].text == [TAGS.comment]
        picture = file.tags.getall("APIC")[0]
        assert (picture.data, picture.mime, picture.type) == (JPEG, "image/jpeg", 3)
    elif codec == "m4a":
        assert (file["\xa9nam"], file["\xa9ART"], file["aART"]) == ([TAGS.title], [TAGS.artist], ["Various"])
        assert (file["\xa9day"], file["trkn"], file["\xa9lyr"]) == ([TAGS.date], [(3, 12)], [TAGS.lyrics])
        assert [bytes(cover) for cover in file["covr"]] == [JPEG]
        assert file["covr"][0].imageformat == mp4.MP4Cover.FORMAT_JPEG
    else:
        assert (file["title"], file["artist"], file["albumartist"]) == ([TAGS.title], [TAGS.artist], ["Various"])
        assert (file["date"], file["tracknumber"], file["lyrics"]) == ([TAGS.date], ["3"], [TAGS.lyrics])
        picture = file.pictures[0] if codec == "flac" else None
        if picture is None:
            picture = flac.Picture(base64.b64decode(file["metadata_block_picture"][0]))
        assert (picture.data, picture.mime, picture.type) == (JPEG, "image/jpeg", 3)


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_tags_give_the_same_bytes(tmp_path: Path, codec: str) -> None:
    files = {written(tmp_path / f"{name}.{codec}", TAGS).read_bytes() for name in "ab"}

    assert len(files) == 1


def test_a_wav_says_its_title_to_programs_that_know_no_id3(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", TAGS)

    with soundfile.SoundFile(str(path)) as file:
        assert (file.title, file.album, file.genre) == (TAGS.title, TAGS.album, TAGS.genre)
    assert struct.unpack("<I", path.read_bytes()[4:8])[0] == path.stat().st_size - 8


@pytest.mark.parametrize("frames", [1, 2, 1001])
@pytest.mark.parametrize("codec", ["wav", "flac"])
def test_tags_find_their_place_behind_an_odd_number_of_bytes(tmp_path: Path, codec: str, frames: int) -> None:
    path = tmp_path / f"a.{codec}"
    # Given three bytes a frame
    output = OutputFormat("wav" if codec == "wav" else "flac", bit_depth=24)
    with open_sink(path, output=output, sample_rate_hz=48000, channels=1, tags=TAGS) as sink:
        sink.write(np.zeros((frames, 1), np.float32))

    assert read_tags(path) == TAGS
    assert str(mutagen.File(path).tags["TIT2" if codec == "wav" else "title"]).strip("[']") == TAGS.title
    assert len(samples(path)) == frames


# --- in


def test_what_mutagen_writes_is_read(tmp_path: Path) -> None:
    for version in (3, 4):
        path = written(tmp_path / "a.mp3", None)
        tag = id3.ID3()
        tag.add(id3.TIT2(encoding=1, text=TAGS.title))
        tag.add(id3.TPE1(encoding=3, text=["Ann", "Bo"]))
        tag.add(id3.TCON(encoding=0, text="(17)"))
        tag.add(id3.TDRC(encoding=0, text="1999"))
        tag.add(id3.COMM(encoding=1, lang="eng", desc="iTunNORM", text="0000"))
        tag.add(id3.COMM(encoding=1, lang="eng", desc="", text="Hello"))
        tag.add(id3.APIC(encoding=1, mime="image/png", type=4, desc="back", data=PNG))
        tag.add(id3.APIC(encoding=2, mime="image/jpeg", type=3, desc="fröhlich", data=JPEG))
        tag.save(path, v2_version=version, v23_sep=None)
        found = read_tags(path)
        assert (found.title, found.artist, found.genre) == (TAGS.title, "Ann; Bo", "Rock")
        assert (found.date, found.comment, found.cover) == ("1999", "Hello", Cover(JPEG))


@pytest.mark.parametrize("kind", ["ogg", "opus", "flac"])
def test_what_mutagen_writes_as_vorbis_comments_is_read(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / f"a.{kind}", None)
    file = {"ogg": oggvorbis.OggVorbis, "opus": oggopus.OggOpus, "flac": flac.FLAC}[kind](path)
    file["Title"], file["ARTIST"], file["albumartist"] = TAGS.title, ["Ann", "Bo"], "Various"
    file["tracknumber"], file["date"] = "3/12", "1999"
    picture = flac.Picture()
    picture.data, picture.type, picture.mime = PNG, 3, "image/png"
    if isinstance(file, flac.FLAC):
        file.add_picture(picture)
    else:
        file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    file.save()

    found = read_tags(path)

    expected = Tags(
        title=TAGS.title, artist="Ann; Bo", album_artist="Various", track="3/12", date="1999", cover=Cover(PNG)
    )
    assert found == expected


def test_what_mutagen_writes_into_mp4_wav_and_aiff_is_read(tmp_path: Path) -> None:
    song = mp4.MP4(written(tmp_path / "a.m4a", None))
    song["\xa9nam"], song["trkn"], song["covr"] = TAGS.title, [(3, 0)], [mp4.MP4Cover(PNG, mp4.MP4Cover.FORMAT_PNG)]
    song.save()
    soundfile.write(str(tmp_path / "a.aiff"), noise(0.1), 44100)
    for kind, path in ((wave.WAVE, written(tmp_path / "a.wav", None)), (aiff.AIFF, tmp_path / "a.aiff")):
        file = kind(path)
        file.add_tags()
        file.tags.add(id3.TIT2(encoding=3, text=TAGS.title))
        file.save()
        assert read_tags(path) == Tags(title=TAGS.title)

    assert read_tags(tmp_path / "a.m4a") == Tags(title=TAGS.title, track="3", cover=Cover(PNG))


def frame(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(3) + body


def test_the_oldest_tags_are_read(tmp_path: Path) -> None:
    song = written(tmp_path / "a.mp3", None).read_bytes()
    body = frame(b"TT2", b"\0Caf\xe9") + frame(b"TCO", b"\0(8)Jazz it is") + frame(b"PIC", b"\0PNG\3\0" + PNG)
    old = b"ID3\2\0\0" + bytes([0, len(body) >> 14, len(body) >> 7 & 127, len(body) & 127]) + body
    first = b"TAG" + b"A title".ljust(30, b"\0") + b"Ann".ljust(30, b" ") + bytes(30) + b"1987"
    first += b"short".ljust(28, b"\0") + bytes([0, 9, 17])

    (tmp_path / "a.mp3").write_bytes(old + song + first)
    (tmp_path / "b.mp3").write_bytes(song + first)

    found = read_tags(tmp_path / "a.mp3")
    assert (found.title, found.genre, found.cover) == ("Café", "Jazz it is", Cover(PNG))
    assert (found.artist, found.track) == ("Ann", "9")
    expected = Tags(title="A title", artist="Ann", date="1987", comment="short", track="9", genre="Rock")
    assert read_tags(tmp_path / "b.mp3") == expected


def test_a_tag_written_for_old_players_is_read(tmp_path: Path) -> None:
    # Given 0xFF bytes that are kept apart from what follows, so that no player takes them for sound
    picture = b"\xff\xd8\xff\x00\xe0" + b"\xff\x00\xff\x00" * 50
    for version, flags, frame_flags in ((3, 0x80, 0), (4, 0, 2)):
        body = b"\0image/jpeg\0\3\0" + picture
        plain = body.replace(b"\xff\x00", b"\xff")
        size = len(plain) if version == 3 else len(body)
        sized = size.to_bytes(4) if version == 3 else bytes([0, 0, size >> 7, size & 127])
        whole = b"APIC" + sized + bytes([0, frame_flags]) + body
        head = b"ID3" + bytes([version, 0, flags, 0, 0, len(whole) >> 7, len(whole) & 127])
        (tmp_path / "a.mp3").write_bytes(head + whole)
        assert read_tags(tmp_path / "a.mp3").cover == Cover(picture.replace(b"\xff\x00", b"\xff"))


# --- bounds


def test_what_a_program_notes_to_itself_is_no_comment(tmp_path: Path) -> None:
    for version, mark in ((2, b"COM"), (3, b"COMM"), (4, b"COMM")):
        path = tmp_path / f"{version}.mp3"

        # Given what iTunes notes of the loudness and the gap, before what somebody wrote
        bodies = [b"\0eng%s\0%s" % said for said in ((b"iTunNORM", b" 00000A"), (b"iTunSMPB", b"0 1"), (b"", b"Hm"))]
        between = 3 if version == 2 else 4
        frames = b"".join(mark + len(body).to_bytes(between) + bytes(2 * (version > 2)) + body for body in bodies)
        path.write_bytes(b"ID3" + bytes([version, 0, 0, 0, 0, len(frames) >> 7, len(frames) & 127]) + frames)

        assert read_tags(path) == Tags(comment="Hm"), version


def test_only_jpeg_and_png_of_at_most_ten_megabytes_are_covers(tmp_path: Path) -> None:
    for data in (b"GIF89a" + bytes(100), b"<svg/>", PNG + bytes(LARGEST_COVER_BYTES), b""):
        with pytest.raises(ValueError, match="JPEG or PNG"):
            Cover(data)
    path = written(tmp_path / "a.mp3", None)
    tag = id3.ID3()
    tag.add(id3.TIT2(encoding=3, text="x"))
    tag.add(id3.APIC(encoding=3, mime="image/gif", type=3, desc="", data=b"GIF89a" + bytes(100)))
    tag.save(path)
    assert read_tags(path) == Tags(title="x")


def test_texts_are_bounded_together_and_hold_no_control_characters(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bytes together"):
        Tags(title="x" * MOST_TEXT_BYTES, artist="y")
    assert Tags(title=" a\0b\x1b[0m\n").title == "ab[0m"
    # Nor what a terminal takes for a command, nor what shows a text the other way round
    assert Tags(title="a\x9b31m\x85\u202egpj.\u2066b\u2069\u2028c\u2029\u200fd").title == "a31mgpj.bc\u200fd"
    path = written(tmp_path / "a.flac", None)
    file = flac.FLAC(path)
    file["title"], file["comment"], file["lyrics"] = "x", "c" * 700_000, "l" * 700_000
    file.save()
    assert read_tags(path) == Tags(title="x", comment="c" * 700_000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ID3",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"TIT2\x7f\x7f\x7f\x7f\0\0\3x",
        b"ID3\3\0\x40\0\0\0\x20" + b"\xff" * 32,
        b"fLaC\x84\xff\xff\xff",
        b"fLaC\x04\0\0\x08" + b"\xff" * 8,
        b"fLaC" + b"\0\0\0\0" * 100_000,
        b"OggS\0\2" + bytes(20) + b"\xff" + b"\xff" * 255,
        b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 100_000,
        b"RIFF\xff\xff\xff\xffWAVELIST\x0c\0\0\0INFOINAM\xff\xff\xff\xff",
        b"FORM\xff\xff\xff\xffAIFFID3 \xff\xff\xff\xff",
        b"\0\0\0\x08ftyp\0\0\0\x08moov",
        b"\0\0\0\x04ftyp",
        b"plain text",
    ],
)
def test_nonsense_reads_as_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)

    assert not read_tags(path)


def many_values() -> bytes:
    entries = [b"TITLE=%d" % index for index in range(200_000)]
    body = struct.pack("<II", 0, len(entries)) + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
    return b"fLaC\x84" + len(body).to_bytes(3) + body


def many_pages() -> bytes:
    page = b"OggS\0\0" + bytes(8) + b"abcd" + bytes(8) + b"\xff" + b"\xff" * 255
    first = page[:5] + b"\2" + page[6:27] + b"\xff" + b"\x01vorbis".ljust(255, b"\0") + page[28:]
    return b"".join((first, *[page[:27] + b"\xff" * 255 + bytes(255 * 255)] * 200, *[page] * 30_000))


@pytest.mark.parametrize("content", [many_values(), many_pages()], ids=["values", "pages"])
def test_a_tag_made_to_cost_much_costs_little(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)

    # Work that grows with the square of the entries would take minutes.
    assert read_tags(path).title in {"", "0"}


class Counting(io.FileIO):
    """A file that counts what is read of it."""

    counted = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        Counting.counted += len(data or b"")
        return data or b""


ID3_CHUNK = b"id3 \x0a\0\0\0ID3\3\0\0\x07\x7f\x7f\x7f"
"""A tag that claims 16 MB in a chunk of ten bytes."""


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\xff\xff\xff\xffWAVE" + ID3_CHUNK * 100 + bytes(1 << 20),
        b"FORM\xff\xff\xff\xffAIFF"
        + b"".join((ID3_CHUNK[:4], ID3_CHUNK[7:3:-1], ID3_CHUNK[8:])) * 100
        + bytes(1 << 20),
        b"RIFF\xff\xff\xff\xffWAVE" + (b"LIST\0\0\x10\0" + bytes(1 << 20)) * 60,
        b"fLaC" + (b"\6\x0f\0\0" + bytes(0x0F0000)) * 60,
    ],
    ids=["id3 in wav", "id3 in aiff", "lists", "pictures"],
)
def test_what_is_read_of_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    monkeypatch.setattr(Counting, "counted", 0)
    monkeypatch.setattr(Path, "open", lambda self, _mode: Counting(self))

    assert not read_tags(path)

    assert Counting.counted < min(len(content), 2 * MOST_TAG_BYTES + 4096)


def test_of_several_tags_in_chunks_the_first_counts(tmp_path: Path) -> None:
    chunks = b"".join(
        b"id3 " + struct.pack("<I", len(tag)) + tag for tag in (id3_tag(Tags(title="a"))[:40].ljust(40), id3_tag(TAGS))
    )
    (tmp_path / "a.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + chunks)

    assert read_tags(tmp_path / "a.wav") == Tags(title="a")


@pytest.fixture(scope="module")
def tagged_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("tagged")
    small = Tags(title="Title", artist="Ann; Bo", track="1/2", comment="c", cover=Cover(JPEG[:300]))
    files = [written(folder / f"a.{codec}", small, seconds=0.05).read_bytes() for codec in CODECS]
    return [*files, id3_tag(small)]


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 40))
def test_damage_never_raises(
    tagged_files: list[bytes], tmp_path_factory: pytest.TempPathFactory, seed: int, changes: int
) -> None:
    draw = random.Random(seed)  # noqa: S311  (no secret)
    content = bytearray(draw.choice(tagged_files))
    for _ in range(changes):
        # Mostly where tags are, and with bytes that sizes are made of.
        at = draw.randrange(min(len(content), 1500)) if draw.random() < 0.8 else draw.randrange(len(content))
        content[at] = draw.choice([0, 1, 127, 128, 255, draw.randrange(256)])
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: draw.randrange(len(content))] if draw.random() < 0.3 else content)

    assert isinstance(read_tags(path), Tags)


def test_mp3_of_mutagen_reads_the_length_behind_a_tag(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp3", TAGS, seconds=3.0)

    assert abs(MP3(path).info.length - 3.0) < 0.03
