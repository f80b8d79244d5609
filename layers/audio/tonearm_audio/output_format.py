"""The file that a render is written as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tonearm_audio.errors import AudioError

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
        choices: tuple[tuple[str, object, tuple[object, ...]], ...] = (
            ("codec", self.codec, get_args(Codec)),
            ("bitrate_kbps", self.bitrate_kbps, BITRATES_KBPS),
            ("bit_depth", self.bit_depth, BIT_DEPTHS),
        )
        for name, value, allowed in choices:
            if value not in allowed:
                listed = ", ".join(str(choice) for choice in allowed)
                raise AudioError(
                    "recipe.invalid",
                    f"{name} is {value}; it must be one of {listed}.",
                    value=str(value),
                    limit=listed,
                    mend=f"Choose one of these for {name}.",
                )

    @property
    def lossy(self) -> bool:
        """Whether decoding gives back other samples than were encoded."""
        return self.codec not in {"wav", "flac"}
