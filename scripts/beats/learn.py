"""Teach the network that hears beats: `python -m scripts.beats.learn` writes beats.npz anew.

It needs PyTorch, which the project does not: `uv run --with torch==2.15.0 python -m scripts.beats.learn`. A quarter of
an hour on one core gives the weights that the repository has; another processor may round otherwise.

The songs are those of songs.py. Each time one is heard its tempo, balance, colour and loudness are another, noise may
lie on it, and a part of its spectrum may be missing, so that what is learned is the rhythm. Noise, scattered hits,
syllables and silence, which have no beats, come between.
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found]  # no dependency of the project
from torch import nn

import tonearm_audio
from scripts.beats.songs import STYLES, compose
from tonearm_audio.tempo import BANDS, DILATIONS, FRAME_RATE, LAGS, Mono, OnsetMeter, Signal, rises

SEEDS = range(1, 13)
STEPS = 10000
_SEED = 2
_BATCH = 12
_FRAMES = 1024
_CHANNELS = 16
_RATE = 4e-3
_WITHOUT_BEATS = 0.1
_BALANCE = 1.5
"""How much louder or softer a stem may be, in powers of two."""
_BEAT_REACH = 1.6
"""Frames to either side of a beat in which there is a share of it."""


@dataclass(frozen=True)
class _Heard:
    """The mel spectrograms of a song's stems [shape=(stems, frames, bands)] and its beats in frames."""

    stems: npt.NDArray[np.floating[Any]]
    beats: Signal


class _Network(nn.Module):  # type: ignore[misc]  # torch is no dependency: mypy does not see it
    """As `tonearm_audio.tempo.BeatMeter` computes it."""

    def __init__(self) -> None:
        super().__init__()
        # Over one row of an image: in that layout PyTorch is half as fast again.
        self.inward = nn.Conv2d(len(LAGS) * BANDS, _CHANNELS, (1, 3), padding=(0, 1))
        self.layers = nn.ModuleList(
            nn.Conv2d(_CHANNELS, _CHANNELS, (1, 5), padding=(0, 2 * dilation), dilation=(1, dilation))
            for dilation in DILATIONS
        )
        self.outward = nn.Conv2d(_CHANNELS, 1, 1)

    def forward(self, heard: Any) -> Any:
        heard = heard[:, :, None].contiguous(memory_format=torch.channels_last)
        heard = torch.relu(self.inward(heard))
        for layer in self.layers:
            heard = heard + nn.functional.dropout(torch.relu(layer(heard)), 0.1, self.training)
        return self.outward(heard)[:, 0, 0]


class _Teacher:
    """Draws what the network hears next."""

    def __init__(self, songs: list[_Heard]) -> None:
        self._songs = songs
        self._random = np.random.default_rng(_SEED)

    def batch(self) -> tuple[Any, Any]:
        """What rose [shape=(12, 80, 1024)], and the share of a beat in each frame [shape=(12, 1024)]."""
        lessons = [
            self._without_beats() if self._random.random() < _WITHOUT_BEATS else self._song() for _ in range(_BATCH)
        ]
        heard, wanted = (np.stack(part) for part in zip(*lessons, strict=True))
        return torch.from_numpy(heard.transpose(0, 2, 1).copy()), torch.from_numpy(wanted)

    def _song(self) -> tuple[Mono, Mono]:
        random = self._random
        mel, beats = self._part(self._songs[random.integers(len(self._songs))])
        colour = np.exp2(np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), random.normal(0, 1.2, 6)))
        mel = mel * colour.astype(np.float32)
        if random.random() < 0.3:
            loud = np.float32(10 ** random.uniform(-3.5, -1.5) * mel.max())
            mel += loud * np.abs(random.standard_normal(mel.shape, np.float32))
        heard = self._risen(mel)
        if random.random() < 0.4:
            low, width = int(random.integers(0, 36)), int(random.integers(3, 14))
            for register in range(0, heard.shape[1], BANDS):
                heard[:, register + low : register + min(low + width, BANDS)] = 0
        distance = np.abs(np.arange(_FRAMES)[:, np.newaxis] - beats).min(axis=1, initial=_FRAMES)
        return heard, np.maximum(0, 1 - distance / _BEAT_REACH).astype(np.float32)

    def _part(self, song: _Heard) -> tuple[Mono, Signal]:
        """Some 20 s of the song at another tempo, which may step, sway or drift; or as it is, which is as likely."""
        random, frames = self._random, song.stems.shape[1]
        pace = np.full(frames, 2 ** random.uniform(-0.2, 0.2))
        motion = random.integers(8)
        if motion == 0:
            pace[int(frames * random.uniform(0.3, 0.7)) :] *= 2 ** random.uniform(-0.4, 0.4)
        if motion == 1:
            turns = np.arange(frames) / FRAME_RATE / random.uniform(6, 40)
            pace *= 1 + random.uniform(0.02, 0.1) * np.sin(2 * np.pi * turns + random.uniform(0, 6))
        if motion == 2:
            pace *= np.exp2(np.linspace(0, random.uniform(-0.3, 0.3), frames))
        if motion > 4:
            pace[:] = 1
        ends = np.concatenate([[0.0], np.cumsum(1 / pace)])
        start = int(random.integers(0, max(1, int(ends[-1]) - _FRAMES)))
        source = np.interp(np.arange(start, start + _FRAMES), ends, np.arange(frames + 1))
        whole = np.minimum(source.astype(int), frames - 2)
        part = np.minimum(source - whole, 1)[:, np.newaxis].astype(np.float32)
        # Each time the players are louder and softer than one another in another way.
        levels = 2 ** random.uniform(-_BALANCE, _BALANCE, len(song.stems))
        mixed = np.tensordot(levels.astype(np.float32), song.stems.astype(np.float32), 1)
        mel = mixed[whole] * (1 - part) + mixed[whole + 1] * part
        beats = np.interp(song.beats, np.arange(frames + 1), ends) - start
        return mel, beats[(beats > -2) & (beats < _FRAMES + 2)]

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


def _listen(seed: int) -> list[_Heard]:
    """A song of each style."""
    songs = [compose(style, seed) for style in STYLES]
    # Half precision is precise enough, and what the weights are stored in.
    return [
        _Heard(np.stack([OnsetMeter().mel(stem) for stem in song.stems]).astype(np.float16), song.beats_s * FRAME_RATE)
        for song in songs
    ]


def _stored(network: _Network) -> dict[str, npt.NDArray[np.float16]]:
    def half(values: Any) -> npt.NDArray[np.float16]:
        return np.ascontiguousarray(values.detach().numpy(), np.float16)

    layers = [network.inward, *network.layers, network.outward]
    inward, *hidden, outward = (layer.weight[:, :, 0].permute(2, 1, 0) for layer in layers)
    return {
        "weights_in": half(inward),
        "bias_in": half(network.inward.bias),
        "weights": half(torch.stack(hidden)),
        "bias": half(torch.stack([layer.bias for layer in network.layers])),
        "weights_out": half(outward[0]),
        "bias_out": half(network.outward.bias),
    }


def main() -> None:
    """Compose, teach, and write the weights into the engine."""
    torch.manual_seed(_SEED)
    # As many threads everywhere: they add up in another order.
    torch.set_num_threads(1)
    with ProcessPoolExecutor() as pool:
        teacher = _Teacher([song for songs in pool.map(_listen, SEEDS) for song in songs])
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
