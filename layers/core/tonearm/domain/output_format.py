"""The file that a Render ends as."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from tonearm.domain.values import Value

Codec = Literal["mp3", "wav", "flac", "ogg", "opus", "m4a"]
BitrateKbps = Literal[32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
BitDepth = Literal[16, 24]
CONTENT_TYPES: Mapping[Codec, str] = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "m4a": "audio/mp4",
}
_COUNTS_FOR: Mapping[str, frozenset[Codec]] = {
    "bitrate_kbps": frozenset({"mp3", "opus", "m4a"}),
    "variable": frozenset({"mp3"}),
    "bit_depth": frozenset({"wav", "flac"}),
}


class OutputFormat(Value):
    """The file that a render ends as; what a codec has no use for is ignored."""

    codec: Codec = Field(default="mp3", description="ogg is Vorbis, opus is in Ogg, m4a is AAC-LC")
    bitrate_kbps: BitrateKbps = Field(default=320, description="of mp3, opus and m4a, as far as the codec goes")
    variable: bool = Field(default=False, description="of mp3: the bit rate follows the music, about bitrate_kbps")
    bit_depth: BitDepth = Field(default=16, description="of wav and flac")

    def counts(self, setting: str) -> bool:
        """Whether a setting has an effect with this codec."""
        return setting not in _COUNTS_FOR or self.codec in _COUNTS_FOR[setting]

    @property
    def effective(self) -> dict[str, Any]:
        """The settings that have an effect."""
        return {name: value for name, value in self.model_dump(mode="json").items() if self.counts(name)}
