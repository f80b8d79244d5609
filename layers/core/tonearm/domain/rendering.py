"""What a Recipe makes of Tracks whose lengths are known: whether there is room to work on it."""

from collections.abc import Iterable

from tonearm.domain.errors import InvalidRequest
from tonearm.domain.operations import Convert, Master, Mix, Reverb, Tempo, Trim
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track

# A render that must be heard twice lies on the step's disk meanwhile, as two channels of four bytes a sample.
MAX_WORKING_BYTES = 4_000_000_000
_BYTES_A_FRAME = 8
# One that is mastered lies there a second time, as it goes into the limiter. Both together may take more, because the
# render that comes of them is smaller: at 24 bits 2.2 GB instead of 3. Two hours at 48 kHz fit.
MAX_MASTERING_BYTES = 5_800_000_000
_MASTERING_BYTES_A_FRAME = 2 * _BYTES_A_FRAME


def require_room(recipe: Recipe, track: Track, others: Iterable[Track]) -> None:
    """Raise `InvalidRequest`, ``recipe.too_long``, for a render that the steps have no room for.

    An hour of slow motion is allowed; what this stops is a track that is mixed in twelve hours after the beginning.

    Args:
        recipe: what is asked for.
        track: what it is asked of; one that was not probed yet is let through, and looked at when the step runs.
        others: the other Tracks that the recipe names.
    """
    if track.probe is None:
        return
    seconds = _rendered_s(recipe, track.probe.duration_s, others)
    converted = [each.sample_rate_hz for each in recipe.operations if isinstance(each, Convert)]
    rate_hz = next((rate for rate in reversed(converted) if rate is not None), track.probe.sample_rate_hz)
    mastered = any(isinstance(each, Master) for each in recipe.operations)
    frames = MAX_MASTERING_BYTES / _MASTERING_BYTES_A_FRAME if mastered else MAX_WORKING_BYTES / _BYTES_A_FRAME
    limit_s = frames / rate_hz
    if seconds > limit_s:
        raise InvalidRequest(
            "recipe.too_long",
            f"The render would be {seconds:,.0f} s long; the limit is {limit_s:,.0f} s at {rate_hz:,} Hz.",
            value=round(seconds, 3),
            limit=round(limit_s, 3),
            mend="Trim it, let what is mixed in begin earlier, or convert it to a lower rate.",
        )


def _rendered_s(recipe: Recipe, seconds: float, others: Iterable[Track]) -> float:
    lengths_s = {other.track_id: other.probe.duration_s for other in others if other.probe is not None}
    for operation in recipe.operations:
        match operation:
            case Trim(start_s=start_s, end_s=end_s):
                seconds = max(0.0, (seconds if end_s is None else min(seconds, end_s)) - start_s)
            case Tempo(factor=factor):
                seconds /= factor
            case Reverb():
                seconds += _tail_s(operation)
            case Mix(tracks=tracks):
                ends = [each.start_s + lengths_s.get(each.track_id, 0.0) + _tail_s(each.reverb) for each in tracks]
                seconds = max(seconds, *ends)
            case _:
                pass
    return seconds


def _tail_s(reverb: Reverb | None) -> float:
    return reverb.decay_s + reverb.pre_delay_ms / 1000 if reverb is not None and reverb.mix > 0 else 0.0
