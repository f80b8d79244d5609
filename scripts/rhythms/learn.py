"""Teach the network that hears beats: `python -m scripts.rhythms.learn` writes beats.npz anew.

It needs PyTorch, which the project does not: `uv run --with torch python -m scripts.rhythms.learn`.

The songs are those of songs.py. Each time one is heard its tempo, colour and loudness are another, noise may lie on it,
and a part of its spectrum may be missing, so that what is learned is the rhythm. Noise, scattered hits, syllables and
silence, which have no beats, come between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found]  # no dependency of the project
from torch import nn

import tonearm_audio
from scripts.rhythms.songs import STYLES, compose
from tonearm_audio.tempo import BANDS, DILATIONS, FRAME_RATE, LAGS, Mono, OnsetMeter, Signal, rises

SEEDS = range(1, 8)
STEPS = 1800
_BATCH = 12
_FRAMES = 1024
_CHANNELS = 16
_RATE = 4e-3
_WITHOUT_BEATS = 0.06
_BEAT_REACH = 1.6
"""Frames to either side of a beat in which there is a share of it."""


@dataclass(frozen=True)
class _Heard:
    """The mel spectrogram of a song [shape=(frames, bands)] and its beats in frames."""

    mel: Mono
    beats: Signal


class _Network(nn.Module):  # type: ignore[misc]  # torch is no dependency: mypy does not see it
    """As `tonearm_audio.tempo.BeatMeter` computes it."""

    def __init__(self) -> None:
        super().__init__()
        self.inward = nn.Conv1d(len(LAGS) * BANDS, _CHANNELS, 3, padding=1)
        self.layers = nn.ModuleList(
            nn.Conv1d(_CHANNELS, _CHANNELS, 5, padding=2 * dilation, dilation=dilation) for dilation in DILATIONS
        )
        self.outward = nn.Conv1d(_CHANNELS, 1, 1)

    def forward(self, heard: Any) -> Any:
        heard = torch.relu(self.inward(heard))
        for layer in self.layers:
            heard = heard + nn.functional.dropout(torch.relu(layer(heard)), 0.1, self.training)
        return self.outward(heard)[:, 0]


class _Teacher:
    """Draws what the network hears next."""

    def __init__(self, songs: list[_Heard]) -> None:
        self._songs = songs
        self._random = np.random.default_rng(2)

    def batch(self) -> tuple[Any, Any]:
        """What rose [shape=(12, 80, 1024)], and the share of a beat in each frame [shape=(12, 1024)]."""
        lessons = [
            self._without_beats() if self._random.random() < _WITHOUT_BEATS else self._song() for _ in range(_BATCH)
        ]
        heard, wanted = (np.stack(part) for part in zip(*lessons, strict=True))
        return torch.from_numpy(heard.transpose(0, 2, 1).copy()), torch.from_numpy(wanted)

    def _song(self) -> tuple[Mono, Mono]:
        random = self._random
        song = self._songs[random.integers(len(self._songs))]
        if random.random() < 0.6:
            song = self._bent(song)
        colour = np.exp2(np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), random.normal(0, 1.2, 6)))
        mel = song.mel
        if random.random() < 0.25:
            mel = mel + np.abs(random.standard_normal(mel.shape)) * 10 ** random.uniform(-3.5, -1.5) * mel.max()
        start = int(random.integers(0, max(1, len(mel) - _FRAMES)))
        heard = self._risen(mel[: start + _FRAMES] * colour)[start:]
        if random.random() < 0.4:
            low, width = int(random.integers(0, 36)), int(random.integers(3, 14))
            for register in range(0, heard.shape[1], BANDS):
                heard[:, register + low : register + min(low + width, BANDS)] = 0
        distance = np.abs(np.arange(start, start + _FRAMES)[:, np.newaxis] - song.beats).min(axis=1)
        return heard, np.maximum(0, 1 - distance / _BEAT_REACH).astype(np.float32)

    def _bent(self, song: _Heard) -> _Heard:
        """The song at another tempo, which may step, sway or drift."""
        random, frames = self._random, len(song.mel)
        pace = np.full(frames, 2 ** random.uniform(-0.25, 0.25))
        motion = random.integers(4)
        if motion == 0:
            pace[int(frames * random.uniform(0.3, 0.7)) :] *= 2 ** random.uniform(-0.35, 0.35)
        if motion == 1:
            turns = np.arange(frames) / FRAME_RATE / random.uniform(6, 40)
            pace *= 1 + random.uniform(0.02, 0.1) * np.sin(2 * np.pi * turns + random.uniform(0, 6))
        if motion == 2:
            pace *= np.exp2(np.linspace(0, random.uniform(-0.3, 0.3), frames))
        ends = np.concatenate([[0.0], np.cumsum(1 / pace)])
        source = np.interp(np.arange(int(ends[-1])), ends, np.arange(frames + 1))
        whole = np.minimum(source.astype(int), frames - 2)
        part = (source - whole)[:, np.newaxis]
        mel = song.mel[whole] * (1 - part) + song.mel[whole + 1] * part
        return _Heard(mel.astype(np.float32), np.interp(song.beats, np.arange(frames + 1), ends))

    def _without_beats(self) -> tuple[Mono, Mono]:
        random = self._random
        mel = np.zeros((_FRAMES, BANDS))
        kind = random.integers(4)
        if kind == 0:
            mel = np.abs(random.standard_normal(mel.shape)) * 10 ** random.uniform(-3, -0.5)
        if kind == 1:
            for at in map(int, np.flatnonzero(random.random(_FRAMES) < random.uniform(0.005, 0.1))):
                ring = np.exp(-np.arange(min(6, _FRAMES - at)) / random.uniform(1, 4))[:, np.newaxis]
                mel[at : at + 6] += ring * random.uniform(0.05, 0.3) * np.exp2(random.standard_normal(BANDS))
        if kind == 2:
            start = 0
            while start < _FRAMES:
                length = int(random.gamma(3, 5)) + 3
                vowel = np.exp2(np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 8), random.normal(-3, 2, 8)))
                mel[start : start + length] += (np.hanning(length + 2)[1:-1, np.newaxis] * vowel)[: _FRAMES - start]
                start += length + int(random.gamma(1.2, 6))
        return self._risen(mel), np.zeros(_FRAMES, np.float32)

    def _risen(self, mel: npt.NDArray[Any]) -> Mono:
        levels = np.log1p(100 * 2 ** self._random.uniform(-3, 3) * mel).astype(np.float32)
        return rises(np.concatenate([np.zeros((max(LAGS), BANDS), np.float32), levels]))


def _listen(style: str, seed: int) -> _Heard:
    song = compose(style, seed)
    meter = OnsetMeter()
    return _Heard(meter.mel(song.samples), song.beats_s * FRAME_RATE)


def _stored(network: _Network) -> dict[str, npt.NDArray[np.float16]]:
    def half(values: Any) -> npt.NDArray[np.float16]:
        return np.ascontiguousarray(values.detach().numpy(), np.float16)

    return {
        "weights_in": half(network.inward.weight.permute(2, 1, 0)),
        "bias_in": half(network.inward.bias),
        "weights": half(torch.stack([layer.weight.permute(2, 1, 0) for layer in network.layers])),
        "bias": half(torch.stack([layer.bias for layer in network.layers])),
        "weights_out": half(network.outward.weight[:, :, 0].T),
        "bias_out": half(network.outward.bias),
    }


def main() -> None:
    """Compose, teach, and write the weights into the engine."""
    torch.manual_seed(2)
    teacher = _Teacher([_listen(style, seed) for style in STYLES for seed in SEEDS])
    network = _Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-3)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, step / 50 + 0.02) * (1 + math.cos(math.pi * step / STEPS)) / 2 + 2e-5
        heard, wanted = teacher.batch()
        loss = nn.functional.binary_cross_entropy_with_logits(network(heard), wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step} of {STEPS}: loss {loss.item():.4f}")
    np.savez(Path(tonearm_audio.__file__).with_name("beats.npz"), allow_pickle=False, **_stored(network))


if __name__ == "__main__":
    main()
