"""Small files that ask for much: refused by a count, before memory or work is spent on what they claim."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import codecpod
import numpy as np
import pytest

from tests.support.recordings import record
from tests.unit.audio.test_packets import element, webm
from tonearm_audio import AudioError, Limits, mp4, probe
from tonearm_audio.chunks import small_mp4
from tonearm_audio.packets import MOST_PACKETS, PacketTrack, checked

LIMITS = Limits(max_duration_s=3600.0)
OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48_000, 0, 0)
SILENCE = b"\xfc"


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def track_box(*tables: bytes) -> bytes:
    """A track of Opus, number 1, with these sample tables."""
    head = box(b"dOps", struct.pack(">BBHIhB", 0, 2, 0, 48_000, 0, 0))
    entry = box(b"Opus", bytes(6) + struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 48_000 << 16), head)
    media = box(
        b"mdia",
        box(b"mdhd", struct.pack(">12xIII", 48_000, 0, 0)),
        box(b"hdlr", struct.pack(">8x4s12xx", b"soun")),
        box(b"minf", box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1), entry), *tables)),
    )
    return box(b"trak", box(b"tkhd", struct.pack(">I8xI68x", 7, 1)), media)


def movie(*parts: bytes) -> bytes:
    return box(b"ftyp", b"isom") + box(b"moov", box(b"mvhd", struct.pack(">12xII80x", 48_000, 0)), *parts)


def tables(offsets: list[int], size: int) -> tuple[bytes, ...]:
    """Packets of 20 ms and of one size, each in a chunk of its own."""
    count = len(offsets)
    return (
        box(b"stsz", struct.pack(">III", 0, size, count)),
        box(b"stts", struct.pack(">IIII", 0, 1, count, 960)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stco", struct.pack(f">II{count}I", 0, count, *offsets)),
    )


def run(flags: int, count: int, *rows: int) -> bytes:
    return box(b"trun", struct.pack(f">II{len(rows)}I", flags, count, *rows))


def fragment(*runs: bytes, size: int = 1) -> bytes:
    return box(b"moof", box(b"traf", box(b"tfhd", struct.pack(">III", 0x10, 1, size)), *runs))


def refusal(path: Path, content: bytes) -> AudioError:
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        probe(path, limits=LIMITS)
    return caught.value


def demuxed(content: bytes) -> PacketTrack:
    return mp4.demux(io.BytesIO(content), len(content))


@pytest.mark.parametrize("words", ["-1 1 BB80", "0 -1 BB81", "1 1 -2", "1"])
def test_a_gapless_comment_with_impossible_numbers_is_ignored(words: str) -> None:
    text = b"iTunSMPB" + box(b"data", bytes(8) + f" 00000000 {words}".encode())
    comment = box(b"udta", box(b"meta", bytes(4), box(b"ilst", box(b"----", text))))
    head = len(movie(track_box(*tables([0] * 50, 1)), comment)) + 8

    found = demuxed(movie(track_box(*tables([head + index for index in range(50)], 1)), comment) + bytes(8) + bytes(50))

    assert (len(found), found.trim_start, found.trim_end) == (50, 0, 0)


@pytest.mark.parametrize("trims", [(-1, 0), (0, -1)])
def test_a_negative_trim_is_a_lie(trims: tuple[int, int]) -> None:
    place = np.zeros(1, np.int64)

    with pytest.raises(AudioError) as caught:
        checked(PacketTrack("opus", (OPUS_HEAD,), place, place + 1, 48_000, *trims), 100)

    assert (caught.value.code, caught.value.value, caught.value.limit) == ("track.header_lies", -1, 0)


def test_packets_that_share_their_bytes_are_a_lie(tmp_path: Path) -> None:
    at = len(movie(track_box(*tables([0] * 100, 1000)))) + 8

    error = refusal(
        tmp_path / "a.mp4", movie(track_box(*tables([at] * 100, 1000))) + box(b"mdat", SILENCE + bytes(999))
    )

    assert (error.code, error.value) == ("track.header_lies", 100_000)


def test_more_than_a_hundred_tracks_are_refused(tmp_path: Path) -> None:
    hundred = refusal(tmp_path / "a.mp4", movie(box(b"trak") * 100))
    more = refusal(tmp_path / "a.mp4", movie(box(b"trak") * 101))

    assert hundred.code == "track.no_audio"
    assert (more.code, more.value, more.limit) == ("track.header_lies", 101, 100)


def test_only_the_tables_of_the_track_that_is_heard_are_read() -> None:
    at = len(movie(track_box(*tables([0] * 9, 1)), track_box(box(b"stsz", bytes(4))))) + 8
    content = movie(track_box(*tables([at + index for index in range(9)], 1)), track_box(box(b"stsz", bytes(4))))

    assert len(demuxed(content + box(b"mdat", SILENCE * 9))) == 9


def test_runs_of_one_packet_each_are_all_taken() -> None:
    content = movie(track_box()) + fragment(*[run(0x300, 1, 960, 2)] * 499, run(0x300, 1, 500, 2))

    found = demuxed(content)

    assert np.array_equal(found.offsets, len(movie(track_box())) + 2 * np.arange(500))
    assert (int(found.sizes.sum()), found.trim_end) == (1000, 460)


EMPTY_PACKETS = {
    "a run": movie(track_box()) + fragment(run(0, MOST_PACKETS), size=0),
    "many runs": movie(track_box()) + fragment(*[run(0, 300)] * 100, size=0),
    "a table": movie(track_box(*tables([0], 1)[1:], box(b"stsz", struct.pack(">III", 0, 1, MOST_PACKETS)))),
    "laces": webm(OPUS_HEAD, [element("A3", b"\x81\0\0\x04\xff")] * 100),
}


@pytest.mark.parametrize("kind", EMPTY_PACKETS)
def test_a_file_has_no_more_packets_than_bytes(tmp_path: Path, kind: str) -> None:
    error = refusal(tmp_path / "a", EMPTY_PACKETS[kind])

    assert (error.code, error.limit) == ("track.header_lies", len(EMPTY_PACKETS[kind]))
    assert "packets long" in error.detail
    # Told at the first run or lace too many.
    assert error.value == MOST_PACKETS or float(error.value or 0) <= len(EMPTY_PACKETS[kind]) + 300


def counted(kind: bytes, count: int, row_bytes: int) -> bytes:
    """A movie of one packet with a table that really is that long."""
    others = [table for table in tables([1], 1) if table[4:8] != kind]
    return movie(track_box(*others, box(kind, struct.pack(">II", 0, count), bytes(row_bytes * count))))


@pytest.mark.parametrize(("kind", "row_bytes"), [(b"stco", 4), (b"stsc", 12), (b"stts", 8)])
def test_a_table_of_more_rows_than_packets_are_read_is_refused_unread(
    tmp_path: Path, kind: bytes, row_bytes: int
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(counted(kind, MOST_PACKETS + 1, row_bytes))
    script = (
        "import resource, sys; from tonearm_audio import AudioError, mp4\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (used + {16 << 20},) * 2)\n"
        "file = open(sys.argv[1], 'rb')\n"
        "try: mp4.demux(file, file.seek(0, 2))\n"
        "except AudioError as error: print(error.code, error.value)"
    )

    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["track.header_lies", str(MOST_PACKETS + 1)], done.stderr


def test_a_time_for_more_packets_than_there_are_is_a_lie(tmp_path: Path) -> None:
    sizes, _, *rest = tables([1], 1)
    times = box(b"stts", struct.pack(">II", 0, 2), struct.pack(">IIII", 1, 960, 1, 961))

    error = refusal(tmp_path / "a.mp4", movie(track_box(sizes, times, *rest)))

    assert (error.code, error.value, error.limit) == ("track.header_lies", 2, 1)


@pytest.fixture(scope="module")
def aac(tmp_path_factory: pytest.TempPathFactory) -> tuple[PacketTrack, list[bytes]]:
    """Given the packets of some seconds of AAC."""
    path, _ = record(tmp_path_factory.mktemp("aac"), "m4a stereo", seconds=4.0)
    content = path.read_bytes()
    track = demuxed(content)
    places = zip(track.offsets.tolist(), track.sizes.tolist(), strict=True)
    return track, [content[offset : offset + size] for offset, size in places]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Given a decoder that notes each call."""
    calls: list[int] = []
    load = codecpod.load

    def noted(data: bytes, **options: bool) -> object:
        calls.append(len(data))
        return load(data, **options)

    monkeypatch.setattr(codecpod, "load", noted)
    return calls


@pytest.mark.parametrize(("every", "survives"), [(4, False), (1000, True)])
def test_the_decoder_is_called_so_often_and_no_more(
    tmp_path: Path, aac: tuple[PacketTrack, list[bytes]], loads: list[int], every: int, survives: bool
) -> None:
    track, good = aac
    packets = [b"\xff\xff\xff" if index % every == every - 1 else good[20 + index % 100] for index in range(3000)]
    path = tmp_path / "a.m4a"
    path.write_bytes(small_mp4(track, packets).replace(struct.pack(">I", 10_000), struct.pack(">I", 21)))

    if survives:
        assert probe(path, limits=LIMITS).frames == 3000 * 1024
        assert len(loads) < 150
    else:
        with pytest.raises(AudioError) as caught:
            probe(path, limits=LIMITS)
        assert caught.value.code == "track.unreadable"
        assert caught.value.value == caught.value.limit == len(loads)
        assert len(loads) <= 512 + 16 * 7
