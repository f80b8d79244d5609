"""AAC and ALAC packets to samples, a few seconds at a time.

The decoder (FFmpeg's, in codecpod) takes whole files only. So some packets at a time are put into a small MP4 file of
their own in memory. An AAC packet needs its forerunners: they go before each chunk, and what they decode to is dropped,
which leaves no seam. A packet that does not decode becomes silence of its length, as in any player.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from tonearm_audio.errors import AudioError
from tonearm_audio.m4a import box
from tonearm_audio.packets import FloatBlock, PacketFile, PacketTrack, lie

if TYPE_CHECKING:
    import codecpod

_CHUNK_PACKETS = 512
_CHUNK_BYTES = 1 << 22
_FORERUNNERS = 2
"""Packets that AAC-LC overlaps with: one; a second one settles the decoder's noise generator."""
_SBR_FORERUNNERS = 64
"""HE-AAC sends the header of its high band from time to time only; without one the band is missing."""
_TRIED_FIRST = 32
_MOST_LOST = 0.5
_LOADS, _LOADS_A_CHUNK = 512, 16
"""How often the decoder may be called: for damage in one place, and for each chunk; a chunk with one bad packet takes
eighteen calls. It is what keeps a small file with every few packets bad from being an hour's work."""
_LONGEST_ALAC_PACKET = 1 << 14
_LONG_PACKET = 10_000
"""Ten seconds: a demuxer cuts packets that decode to more than the file says, so it is told of more than any holds."""


class ChunkReader:
    """Decodes the packets of an AAC or ALAC track in order.

    Args:
        path: the file.
        track: where its packets are.

    Raises:
        AudioError: `track.unreadable` when none of the first packets decodes, `track.header_lies`.

    A track that is damaged in too many places is given up while it is read.
    """

    def __init__(self, path: Path, track: PacketTrack) -> None:
        self.codec: str = track.codec
        self._track = track
        self._file = PacketFile(path, track)
        self._next = 0
        self._lost = 0
        self._last_lost = -1
        self._loads = 0
        chunks = 1 + len(track) // _CHUNK_PACKETS + int(track.sizes.sum()) // _CHUNK_BYTES
        self._most_loads = _LOADS + _LOADS_A_CHUNK * chunks
        if track.codec == "alac":
            _check_alac(track.setup[0])
        self.sample_rate_hz, self.channels, self._packet_frames = self._learn()
        doubled = self.codec == "aac" and self._packet_frames == 2048
        self._forerunners = 0 if self.codec == "alac" else _SBR_FORERUNNERS if doubled else _FORERUNNERS

        self.expected_frames: int | None = len(track) * self._packet_frames
        """Frames that all packets decode to; the last packet of an ALAC track may be shorter."""
        self._ready = np.empty((0, self.channels), np.float32)

    def read(self, frames: int) -> FloatBlock:
        """The next frames; fewer before the end of the track, none at it.

        Raises:
            AudioError: `track.unreadable` when more than half of the packets did not decode, or when the bad ones are
                scattered so widely that telling them from the good ones takes too long.
        """
        parts, missing = [], frames
        while missing:
            if not len(self._ready):
                self._ready = self._next_chunk()
                if not len(self._ready):
                    break
            parts.append(self._ready[:missing])
            self._ready = self._ready[missing:]
            missing -= len(parts[-1])
        return np.concatenate(parts) if parts else np.empty((0, self.channels), np.float32)

    def _next_chunk(self) -> FloatBlock:
        first = self._next
        if first >= len(self._track):
            return np.empty((0, self.channels), np.float32)
        reach = self._track.sizes[first : first + _CHUNK_PACKETS].cumsum()
        self._next = first + max(1, int(np.searchsorted(reach, _CHUNK_BYTES)))
        self._next = min(self._next, first + len(reach))
        block = self._decode(first, self._next)
        # Not before the end or some ten seconds: a recording may begin badly and be well.
        if self._next == len(self._track) or self._lost > _CHUNK_PACKETS:
            self._check_lost()
        return block

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _learn(self) -> tuple[int, int, int]:
        """Rate, channels and frames a packet, from the first packets that decode."""
        tried = min(_TRIED_FIRST, len(self._track))
        for first in range(tried):
            # Two packets show a high band that one alone may not; a last packet may be shorter.
            found = self._load(first, min(first + 2, len(self._track))) or self._load(first, first + 1)
            if found is not None:
                samples, rate = found
                whole = first + 2 <= len(self._track)
                frames = -(-len(samples) // 2) if whole else len(samples)
                if self.codec == "alac":
                    frames = struct.unpack_from(">I", self._track.setup[0])[0]
                elif frames not in {960, 1024, 1920, 2048}:
                    continue
                return rate, samples.shape[1], frames
        raise AudioError(
            "track.unreadable",
            f"None of the first {tried} packets of this file's {self.codec.upper()} track could be decoded.",
            value=0,
            limit=tried,
            mend="It is damaged or uses a kind of the encoding that is not read. Export it again as WAV, FLAC or MP3.",
        )

    def _decode(self, first: int, end: int) -> FloatBlock:
        """Decode packets [first, end) to exactly their frames; halve what fails until the bad packet is alone."""
        before = max(first - self._forerunners, self._last_lost + 1, 0)
        found = self._load(min(before, first), end)
        if found is not None and found[1] == self.sample_rate_hz and found[0].shape[1] == self.channels:
            samples = found[0][(first - min(before, first)) * self._packet_frames :]
            missing = (end - first) * self._packet_frames - len(samples)
            last_is_short = self.codec == "alac" and end == len(self._track) and 0 <= missing < self._packet_frames
            if missing == 0 or last_is_short:
                return samples
        if end - first == 1:
            self._lost += 1
            self._last_lost = first
            return np.zeros((self._packet_frames, self.channels), np.float32)
        middle = (first + end) // 2
        return np.concatenate([self._decode(first, middle), self._decode(middle, end)])

    def _load(self, first: int, end: int) -> tuple[FloatBlock, int] | None:
        """Decode packets [first, end) afresh, or None when the decoder refuses one."""
        # Only what has AAC or ALAC in it pays for the decoder.
        import codecpod  # noqa: PLC0415  (for AAC and ALAC only)

        if self._loads >= self._most_loads:
            raise AudioError(
                "track.unreadable",
                f"This file's sound is damaged in too many places: after {self._loads} attempts {self._lost} packets"
                f" before packet {end} could not be decoded.",
                value=self._loads,
                limit=self._most_loads,
                mend="Export it again and use the new file.",
            )
        self._loads += 1
        packets = [self._file.read(index) for index in range(first, end)]
        try:
            loaded = codecpod.load(small_mp4(self._track, packets), channels_first=False, return_buffer=True)
        except codecpod.CodecpodError:
            return None
        decoded = cast("codecpod.AudioBuffer", loaded)
        return decoded.samples.astype(np.float32, copy=False).reshape(-1, decoded.channels), decoded.sample_rate

    def _check_lost(self) -> None:
        if self._lost > _MOST_LOST * self._next:
            raise AudioError(
                "track.unreadable",
                f"Of the first {self._next} packets of this file's sound, {self._lost} could not be decoded.",
                value=self._lost,
                limit=int(_MOST_LOST * self._next),
                mend="It is damaged. Export it again and use the new file.",
            )


def _check_alac(cookie: bytes) -> None:
    """Hold the magic cookie's packet length against what an encoder writes: the decoder takes memory by it."""
    frames = struct.unpack_from(">I", cookie)[0]
    if not 0 < frames <= _LONGEST_ALAC_PACKET:
        raise lie(
            f"This file's ALAC header speaks of packets of {frames} frames.", value=frames, limit=_LONGEST_ALAC_PACKET
        )


# --- a small MP4 file


def _description(track: PacketTrack) -> bytes:
    """The sample entry: what the decoder must know. Rate and channels stand in the codec's own setup."""
    entry = bytes(6) + struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 48_000 << 16)
    if track.codec == "alac":
        depth, channels = track.setup[0][5], track.setup[0][9]
        rate = struct.unpack_from(">I", track.setup[0], 20)[0]
        entry = bytes(6) + struct.pack(">H8xHHHHI", 1, channels, depth, 0, 0, min(rate, 0xFFFF) << 16)
        return box(b"alac", entry, box(b"alac", bytes(4), track.setup[0]))
    config = track.setup[0][:64]
    specific = bytes([5, len(config)]) + config
    decoder = bytes([4, 13 + len(specific), 0x40, 0x15]) + bytes(11) + specific
    return box(b"mp4a", entry, box(b"esds", bytes(4), bytes([3, 3 + len(decoder), 0, 1, 0]) + decoder))


def small_mp4(track: PacketTrack, packets: list[bytes]) -> bytes:
    """Put packets into an MP4 file: the least that a demuxer asks for, without an edit list, so nothing is trimmed."""
    count = len(packets)
    file_type = box(b"ftyp", b"isom", bytes(4), b"isom")
    data = box(b"mdat", *packets)

    def movie(at: int) -> bytes:
        table = box(
            b"stbl",
            box(b"stsd", struct.pack(">II", 0, 1), _description(track)),
            box(b"stts", struct.pack(">IIII", 0, 1, count, _LONG_PACKET)),
            box(b"stsc", struct.pack(">IIIII", 0, 1, 1, count, 1)),
            box(b"stsz", struct.pack(">III", 0, 0, count), struct.pack(f">{count}I", *map(len, packets))),
            box(b"stco", struct.pack(">III", 0, 1, at)),
        )
        media = box(
            b"mdia",
            box(b"mdhd", struct.pack(">12xIII", 1000, _LONG_PACKET * count, 0)),
            box(b"hdlr", struct.pack(">8x4s12xx", b"soun")),
            box(b"minf", table),
        )
        header = box(b"tkhd", struct.pack(">I8xI68x", 7, 1))
        return box(
            b"moov", box(b"mvhd", struct.pack(">12xII80x", 1000, _LONG_PACKET * count)), box(b"trak", header, media)
        )

    return file_type + movie(len(file_type) + len(movie(0)) + 8) + data
