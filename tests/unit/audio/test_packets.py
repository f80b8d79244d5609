"""Packets in laces and in Ogg pages: where they are and how long they last."""

import struct
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.support.recordings import record
from tonearm_audio import AudioError, Limits, matroska, ogg, probe

LIMITS = Limits(max_duration_s=60.0)


def element(kind: str, body: bytes) -> bytes:
    """An EBML element with a size of eight bytes."""
    return bytes.fromhex(kind) + struct.pack(">Q", 1 << 56 | len(body)) + body


def unsized(kind: str, body: bytes) -> bytes:
    """An EBML element that does not say where it ends."""
    return bytes.fromhex(kind) + b"\x01" + b"\xff" * 7 + body


def xiph(packets: list[bytes]) -> bytes:
    sizes = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets[:-1])
    return bytes([len(packets) - 1]) + sizes + b"".join(packets)


def ebml(packets: list[bytes]) -> bytes:
    sizes = struct.pack(">H", 0x4000 | len(packets[0]))
    for one, next_one in pairwise(packets[:-1]):
        sizes += struct.pack(">H", 0x4000 | len(next_one) - len(one) + 0x1FFF)
    return bytes([len(packets) - 1]) + sizes + b"".join(packets)


@pytest.fixture(scope="module")
def opus(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[bytes]]:
    """Given the OpusHead and the packets of two seconds."""
    path, _ = record(tmp_path_factory.mktemp("opus"), "firefox ogg", seconds=2.0)
    with av.open(str(path)) as container:
        head = bytes(container.streams.audio[0].codec_context.extradata or b"")
        return head, [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def webm(head: bytes, blocks: list[bytes]) -> bytes:
    """A file in which nothing says where it ends, each block in a cluster of its own."""
    track = element("D7", b"\x01") + element("83", b"\x02") + element("86", b"A_OPUS") + element("63A2", head)
    track += element("56AA", (6_500_000).to_bytes(4))
    clusters = b"".join(unsized("1F43B675", element("E7", b"\0") + block) for block in blocks)
    tracks = element("1654AE6B", element("AE", track))
    return element("1A45DFA3", element("4282", b"webm")) + unsized("18538067", tracks + clusters)


@pytest.mark.parametrize("lacing", ["none", "xiph", "ebml"])
@pytest.mark.parametrize("grouped", [True, False])
def test_packets_are_found_in_blocks_and_laces_of_every_kind(
    tmp_path: Path, opus: tuple[bytes, list[bytes]], lacing: str, grouped: bool
) -> None:
    head, packets = opus
    runs = [packets[start : start + (1 if lacing == "none" else 4)] for start in range(0, len(packets), 1)]
    if lacing != "none":
        runs = [packets[start : start + 4] for start in range(0, len(packets) // 4 * 4, 4)]
    flags = {"none": b"\x00", "xiph": b"\x02", "ebml": b"\x06"}[lacing]
    bodies = [{"none": b"".join, "xiph": xiph, "ebml": ebml}[lacing](run) for run in runs]
    simple = [b"\x81\0\0" + flags + body for body in bodies]
    blocks = [element("A0", element("A1", body)) if grouped else element("A3", body) for body in simple]
    path = tmp_path / "a.webm"
    path.write_bytes(webm(head, blocks))

    with path.open("rb") as file:
        found = matroska.demux(file, path.stat().st_size)
    content = path.read_bytes()
    places = zip(found.track.offsets.tolist(), found.track.sizes.tolist(), strict=True)
    expected = [packet for run in runs for packet in run]

    assert [content[offset : offset + size] for offset, size in places] == expected
    assert probe(path, limits=LIMITS).frames == 960 * len(expected) - 312


@pytest.mark.parametrize("lace", [b"\x02\xff\xff", b"\x05\x01", b""])
def test_a_lace_longer_than_its_block_is_a_lie(tmp_path: Path, opus: tuple[bytes, list[bytes]], lace: bytes) -> None:
    path = tmp_path / "a.webm"
    path.write_bytes(webm(opus[0], [element("A3", b"\x81\0\0\x02" + lace)]))

    with pytest.raises(AudioError) as caught:
        probe(path, limits=LIMITS)

    assert caught.value.code == "track.header_lies"


def test_an_ogg_page_has_the_checksum_that_a_decoder_computes(tmp_path: Path) -> None:
    path, _ = record(tmp_path, "firefox ogg", seconds=0.1)
    content = path.read_bytes()
    page = content[: content.index(b"OggS", 4)]

    computed = ogg.page_checksum(page[:22] + bytes(4) + page[26:])

    assert struct.pack("<I", computed) == page[22:26]


@pytest.mark.parametrize(
    ("packet", "sound"),
    [
        (b"", False),
        (b"\xf8", True),
        (b"\xf8" + bytes(1275), True),
        (b"\xf8" + bytes(1276), False),
        (b"\xf9" + bytes(4), True),
        (b"\xf9" + bytes(5), False),
        (b"\xfa\x02" + bytes(4), True),
        (b"\xfa\x05" + bytes(4), False),
        (b"\xfb", False),
        (b"\xfb\x00", False),
        (b"\xfb\x02" + bytes(4), True),
        (b"\xfb\x02" + bytes(5), False),
        (b"\xfb\x07" + bytes(7), False),  # 140 ms
        (b"\xfb\x42\x04" + bytes(8), True),
        (b"\xfb\x42\x09" + bytes(8), False),
        (b"\xfb\x82\x03" + bytes(8), True),
        (b"\xfb\x82\x09" + bytes(8), False),
    ],
)
def test_opus_packets_are_held_against_their_rules(packet: bytes, sound: bool) -> None:
    assert ogg.opus_packet_is_sound(packet) == sound
