"""Recordings as phones and browsers make them, of a signal that tests know: each kind as a file of its own.

PyAV encodes and muxes them. Its wheel carries GPL encoders, so that it belongs to the development group only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]


def known_signal(seconds: float, *, rate: int, channels: int) -> Samples:
    """A tone, and a glide that tells every moment from every other [shape=(frames, channels)]; channels differ."""
    time = np.arange(round(seconds * rate)) / rate
    glide = 0.2 * np.sin(2 * np.pi * (200 * time + 2000 * time**2 / (2 * max(seconds, 1))))
    tones = [0.4 * np.sin(2 * np.pi * frequency * time) for frequency in (440, 660)[:channels]]
    return np.stack([tone + glide for tone in tones], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Kind:
    """How one kind of recording is made.

    Attributes:
        suffix: of the file.
        container: and `codec` as a probe names them.
        codec: the encoding.
        rate: frames a second.
        channels: 1 or 2.
        write: makes the file.
        lossless: whether every sample comes back.
        extra_frames: frames of encoder priming that the container does not tell from music.
        packet_frames: where the container does not tell padding either, how long the last packet is, which it fills.
    """

    suffix: str
    container: str
    codec: str
    rate: int
    channels: int
    write: Callable[[Path, Samples, int], None]
    lossless: bool = False
    extra_frames: int = 0
    packet_frames: int = 1

    def frames_of(self, recorded: Samples) -> int:
        """How many frames a recording has."""
        return -(-(len(recorded) + self.extra_frames) // self.packet_frames) * self.packet_frames


@dataclass(frozen=True)
class _Av:
    """An encoder and a muxer of PyAV with their options."""

    encoder: str
    muxer: str
    encoder_options: dict[str, str] = field(default_factory=dict)
    muxer_options: dict[str, str] = field(default_factory=dict)

    def __call__(self, path: Path, samples: Samples, rate: int) -> None:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        with av.open(str(path), "w", format=self.muxer, options=self.muxer_options) as container:
            stream: Any = container.add_stream(self.encoder, rate=rate, options=self.encoder_options)
            stream.layout = layout
            stream.bit_rate = 128_000
            # The first use of the codec opens it, which settles its sample format.
            stream.codec_context.open(strict=False)
            resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
            for start in range(0, len(samples), 1024):
                planes = np.ascontiguousarray(samples[start : start + 1024].T)
                frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
                frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
                for converted in resampler.resample(frame):
                    container.mux(stream.encode(converted))
            for converted in resampler.resample(None):
                container.mux(stream.encode(converted))
            container.mux(stream.encode(None))


@dataclass(frozen=True)
class _SoundFile:
    """A format of libsndfile."""

    file_format: str
    subtype: str

    def __call__(self, path: Path, samples: Samples, rate: int) -> None:
        options = {"format": self.file_format, "subtype": self.subtype}
        with soundfile.SoundFile(str(path), "w", rate, samples.shape[1], **options) as file:
            for start in range(0, len(samples), 2048):
                file.write(samples[start : start + 2048])


def _vorbis_webm(path: Path, samples: Samples, rate: int) -> None:
    """Vorbis as libsndfile encodes it, put into WebM."""
    ogg = path.with_suffix(".vorbis.ogg")
    _SoundFile("OGG", "VORBIS")(ogg, samples, rate)
    with av.open(str(ogg)) as source, av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    ogg.unlink()


# A fragmented file may say what priming it begins with in an edit list, or not at all.
_FRAGMENTED = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "500000"}
_UNTOLD = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
KINDS: dict[str, Kind] = {
    "iphone aac": Kind(".m4a", "mp4", "aac", 48_000, 1, _Av("aac", "ipod", {"aac_pns": "0"})),
    "m4a stereo": Kind(".m4a", "mp4", "aac", 44_100, 2, _Av("aac", "ipod", {"aac_pns": "0"})),
    "iphone alac": Kind(".m4a", "mp4", "alac", 44_100, 2, _Av("alac", "ipod"), lossless=True),
    "safari mp4": Kind(".mp4", "mp4", "aac", 48_000, 1, _Av("aac", "mp4", {"aac_pns": "0"}, _FRAGMENTED)),
    "mp4 without edits": Kind(
        ".mp4", "mp4", "aac", 48_000, 1, _Av("aac", "mp4", {"aac_pns": "0"}, _UNTOLD), extra_frames=1024
    ),
    "chrome webm": Kind(
        ".webm",
        "webm",
        "opus",
        48_000,
        1,
        _Av("libopus", "webm", {}, {"live": "1", "cluster_time_limit": "1000"}),
    ),
    "webm stereo": Kind(".webm", "webm", "opus", 48_000, 2, _Av("libopus", "webm")),
    "webm vorbis": Kind(".webm", "webm", "vorbis", 44_100, 2, _vorbis_webm),
    "firefox ogg": Kind(".ogg", "ogg", "opus", 48_000, 1, _Av("libopus", "ogg")),
    "opus mp4": Kind(".mp4", "mp4", "opus", 48_000, 1, _Av("libopus", "mp4")),
    "ogg vorbis": Kind(".ogg", "ogg", "vorbis", 44_100, 2, _SoundFile("OGG", "VORBIS")),
    "android aac": Kind(
        ".aac", "adts", "aac", 44_100, 2, _Av("aac", "adts", {"aac_pns": "0"}), extra_frames=1024, packet_frames=1024
    ),
    "aiff 16": Kind(".aiff", "aiff", "pcm_16", 44_100, 2, _SoundFile("AIFF", "PCM_16"), lossless=True),
    "aiff 24": Kind(".aiff", "aiff", "pcm_24", 48_000, 1, _SoundFile("AIFF", "PCM_24"), lossless=True),
    "aiff float": Kind(".aiff", "aiff", "float", 96_000, 2, _SoundFile("AIFF", "FLOAT"), lossless=True),
}


def record(folder: Path, kind: str, *, seconds: float = 30.0) -> tuple[Path, Samples]:
    """Make a recording of one of `KINDS` in a folder; answer the file and what was recorded."""
    made = KINDS[kind]
    samples = known_signal(seconds, rate=made.rate, channels=made.channels)
    path = folder / f"{kind.replace(' ', '-')}{made.suffix}"
    made.write(path, samples, made.rate)
    return path, samples


def write_originals(folder: Path) -> None:
    """A short recording of each kind that is read, for mutations.py to damage."""
    for index, kind in enumerate(KINDS):
        made, _ = record(folder, kind, seconds=1.0)
        made.rename(folder / f"original-{index:02}")
    sound = known_signal(1.0, rate=44_100, channels=2)
    for suffix in ("wav", "flac", "mp3"):
        soundfile.write(folder / f"original-{suffix}.{suffix}", np.clip(sound, -1, 1), 44_100)
