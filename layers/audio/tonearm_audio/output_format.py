"""The file that a render is written as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tonearm_audio.checks import require_one_of

Codec = Literal["mp3", "wav", "flac", "ogg", "opus", "m4a"]
BITRATES_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
BIT_DEPTHS = (16, 24)


@dataclass(frozen=True)
class OutputFormat:
    """The file a render is written as.

    Args:
        codec: "mp3", "wav", "flac", "ogg" (Vorbis), "opus" (in Ogg) or "m4a" (AAC-LC in MP4).
        bitrate_kbps: for mp3, opus and m4a, one of `BITRATES_KBPS`; each codec gives at most what it can at the
            source's rate and channels.
        variable: for mp3 only: let the bit rate follow the music, at the quality that comes to about `bitrate_kbps`.
        bit_depth: for wav and flac only, 16 or 24.

    Raises:
        AudioError: `recipe.invalid` when a value is not one of these.
    """

    codec: Codec
    bitrate_kbps: int = 320
    variable: bool = False
    bit_depth: int = 16

    def __post_init__(self) -> None:
        require_one_of("codec", self.codec, get_args(Codec))
        require_one_of("bitrate_kbps", self.bitrate_kbps, BITRATES_KBPS)
        require_one_of("bit_depth", self.bit_depth, BIT_DEPTHS)

    @property
    def lossy(self) -> bool:
        """Whether decoding gives back other samples than were encoded."""
        return self.codec not in {"wav", "flac"}
