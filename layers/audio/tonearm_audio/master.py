"""Master: spectrum, width, dynamics, loudness and ceiling of a release, by a preset or after the model of another song.

While the song is fed, its long-term spectra are measured: of the middle (L + R)/2 and of the sides (L - R)/2, in thirds
of an octave (`tone_curves`). What they lack of a preset (`master_presets`) or of a reference (`master_reference`) is
given by one linear-phase filter for each (`linear_phase`), which moves nothing in time against anything else. Presets
then compress, gently, bass and the rest each by its own level; a reference does not. Loudness and ceiling are those of
`loudness_match`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tonearm_audio.compress import Compressor
from tonearm_audio.decode import FloatBlock
from tonearm_audio.linear_phase import Filters
from tonearm_audio.loudness import IntegratedMeter
from tonearm_audio.loudness_match import Leveller, Listener
from tonearm_audio.master_presets import PRESETS, Tone, towards_tone
from tonearm_audio.master_reference import model_of, towards_model
from tonearm_audio.operations import Compress, Master
from tonearm_audio.spool import Spool
from tonearm_audio.tone_curves import Spectra, louder_db_by

_WORKING_LUFS = -18.0
"""How loud the song is where it is compressed: thresholds are meant for this."""
_PARTED_DB = -2.5
"""Of thresholds where bass is compressed by itself: both bands, each softer than the whole, take as much as one."""


def target_lufs(operation: Master) -> float:
    """The loudness that a master aims for; a reference is decoded to tell its own.

    Raises:
        AudioError: any `track.*` code for the reference; `recipe.invalid` when it is silent.
        OSError: the reference cannot be read.
    """
    if operation.target_lufs is not None:
        return operation.target_lufs
    if operation.preset is not None:
        return PRESETS[operation.preset].target_lufs
    return model_of(operation.reference).target_lufs


class Finisher:
    """The `master` operation: measures a song while it is fed, then plays it mastered.

    Args:
        operation: preset or reference, ceiling, and a target that replaces theirs.
        sample_rate_hz: frames a second.
        channels: 1 or 2.

    Attributes:
        target_lufs: what it aims for.

    Raises:
        AudioError: any `track.*` code for the reference; `recipe.invalid` when it is silent.
        OSError: the reference cannot be read.
    """

    def __init__(self, operation: Master, *, sample_rate_hz: int, channels: int) -> None:
        self._aim = aim = PRESETS[operation.preset] if operation.preset is not None else model_of(operation.reference)
        self.target_lufs = aim.target_lufs if operation.target_lufs is None else operation.target_lufs
        self._compress, self._crossover_hz = (aim.compress, aim.crossover_hz) if isinstance(aim, Tone) else (None, None)
        self._rate, self._channels = sample_rate_hz, channels
        self._loudness = IntegratedMeter(sample_rate_hz, channels)
        self._spectra = Spectra(sample_rate_hz, channels)
        self._filters: Filters | None = None
        self._leveller: Leveller | None = None

    def feed(self, block: FloatBlock) -> None:
        """Take the next np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._loudness.feed(block)
        self._spectra.feed(block)

    def blocks(
        self, replay: Callable[[], Iterator[FloatBlock]], *, ceiling_dbtp: float, gain_db: float
    ) -> Iterator[FloatBlock]:
        """Yield the song mastered.

        What lies before the limiter is kept in a spool of its own, so that it is done once.

        Args:
            replay: gives all that was fed, from the start.
            ceiling_dbtp: highest true peak that may leave.
            gain_db: what the encoder is known to take away, which is added to the loudness.

        Yields:
            np.ndarray [shape=(frames, channels), dtype=float32], as many frames as were fed.

        Raises:
            OSError: the disk is full.
        """
        with Spool(self._channels) as spool:
            listener = Listener(self._rate, self._channels)
            for block in self._shaped(replay()):
                listener.feed(block)
                spool.write(block)
            if self._leveller is None:
                self._leveller = Leveller(
                    self.target_lufs, listener.heard(), sample_rate_hz=self._rate, channels=self._channels
                )
            yield from self._leveller.blocks(spool.blocks, ceiling_dbtp=ceiling_dbtp, gain_db=gain_db)

    def _shaped(self, blocks: Iterator[FloatBlock]) -> Iterator[FloatBlock]:
        """The song with its new spectrum, compressed."""
        loudness_lufs = self._loudness.lufs()
        if loudness_lufs is None:
            return blocks
        if self._filters is None:
            self._filters = self._designed(loudness_lufs)
        bands = self._filters.process(blocks)
        if self._compress is None:
            return (whole for (whole,) in bands)
        return self._compressed(bands, self._compress)

    def _compressed(self, bands: Iterator[list[FloatBlock]], operation: Compress) -> Iterator[FloatBlock]:
        """Bands together again, each compressed by its own level."""
        parted = self._crossover_hz is not None
        if parted:
            operation = replace(operation, threshold_dbfs=operation.threshold_dbfs + _PARTED_DB)
        compressors = [
            Compressor(operation, sample_rate_hz=self._rate, channels=self._channels) for _ in range(1 + parted)
        ]
        for parts in bands:
            first, *others = (compressor.feed(part) for compressor, part in zip(compressors, parts, strict=True))
            for other in others:
                first += other
            yield first

    def _designed(self, loudness_lufs: float) -> Filters:
        """The filters, now that all of the song has been heard."""
        spectra_db = self._spectra.levels_db()
        if isinstance(self._aim, Tone):
            corrections_db = towards_tone(spectra_db, self._aim, self._rate)
        else:
            corrections_db = towards_model(spectra_db, loudness_lufs, self._aim, self._rate)
        if self._compress is not None:
            corrections_db += _WORKING_LUFS - loudness_lufs - louder_db_by(spectra_db, corrections_db)
        return Filters(self._rate, corrections_db, crossover_hz=self._crossover_hz)
