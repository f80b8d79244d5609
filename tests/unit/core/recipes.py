"""Recipes as hypothesis draws them: any that is allowed, as JSON."""

from typing import Any, get_args

from hypothesis import strategies as st
from ulid import ULID

from tonearm.domain import operations as ours
from tonearm.domain.output_format import BitDepth, BitrateKbps, Codec

TRACK = "trk_01jd3v8w2q5r7s9t1v3x5y7z9a"

JSON = dict[str, Any]


def _one_of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


def _some(kind: str | None = None, /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    """Some of these fields, and the type."""
    typed: dict[Any, st.SearchStrategy[Any]] = {} if kind is None else {"type": st.just(kind)}
    return st.fixed_dictionaries(typed, optional=fields)


_portions = st.floats(0, 1)
_targets, _ceilings = st.floats(-36, -6), st.floats(-9, -0.1)
_gains, _pans, _times = st.floats(-60, 12), st.floats(-1, 1), st.floats(0, 43_200)
track_ids = st.binary(min_size=16, max_size=16).map(lambda drawn: f"trk_{str(ULID(drawn)).lower()}")

tempos = st.floats(0.25, 4.0).map(lambda factor: {"type": "tempo", "factor": factor})
pitches = st.tuples(st.floats(-24, 24), _some(formants=_one_of(ours.Formants))).map(
    lambda drawn: {"type": "pitch", "semitones": drawn[0], **drawn[1]}
)
trims = st.tuples(st.floats(0, 3600), st.none() | st.floats(0.001, 3600)).map(
    lambda drawn: {
        "type": "trim",
        "start_s": drawn[0],
        **({} if drawn[1] is None else {"end_s": drawn[0] + drawn[1]}),
    }
)
fades = _some("fade", in_s=st.floats(0, 30), out_s=st.floats(0, 30), shape=_one_of(ours.FadeShape))
spatials = _some(
    "spatial",
    seed=st.integers(0, 2**32 - 1),
    speed_hz=st.floats(0.02, 1.0),
    depth=_portions,
    room=_portions,
    mix=_portions,
    path=_one_of(ours.SpatialPath),
    listening=_one_of(ours.Listening),
)
bands = st.tuples(_one_of(ours.BandKind), st.floats(20, 20_000), st.floats(-24, 24), _some(q=st.floats(0.1, 10))).map(
    lambda drawn: {
        "kind": drawn[0],
        "frequency_hz": drawn[1],
        **({} if drawn[0].endswith("pass") else {"gain_db": drawn[2]}),
        **drawn[3],
    }
)
equalizers = st.lists(bands, min_size=1, max_size=4).map(lambda drawn: {"type": "equalize", "bands": drawn})
compressors = _some(
    "compress",
    threshold_dbfs=st.floats(-60, 0),
    ratio=st.floats(1, 20),
    attack_ms=st.floats(0.1, 200),
    release_ms=st.floats(5, 2000),
    knee_db=st.floats(0, 24),
    makeup_db=st.floats(0, 24),
)
reverbs = _some("reverb", decay_s=st.floats(0.1, 10), pre_delay_ms=st.floats(0, 200), damping=_portions, mix=_portions)
_strips = _some(gain_db=_gains, pan=_pans, start_s=_times, equalize=equalizers, compress=compressors, reverb=reverbs)
mixes = st.tuples(
    st.lists(st.tuples(track_ids, _strips), min_size=1, max_size=3), _some(gain_db=_gains, pan=_pans)
).map(
    lambda drawn: {
        "type": "mix",
        "tracks": [{"track_id": track_id, **strip} for track_id, strip in drawn[0]],
        **drawn[1],
    }
)
conversions = _some("convert", sample_rate_hz=_one_of(ours.SampleRateHz), channels=st.sampled_from([1, 2]))
finishes = _some("loudness", target_lufs=_targets, ceiling_dbtp=_ceilings) | st.tuples(
    _one_of(ours.Preset).map(lambda preset: {"preset": preset})
    | track_ids.map(lambda track_id: {"reference_track_id": track_id}),
    _some("master", target_lufs=_targets, ceiling_dbtp=_ceilings),
).map(lambda drawn: {**drawn[0], **drawn[1]})
outputs = _some(
    codec=_one_of(Codec),
    bitrate_kbps=_one_of(BitrateKbps),
    variable=st.booleans(),
    bit_depth=_one_of(BitDepth),
)


@st.composite
def documents(draw: st.DrawFn) -> JSON:
    """A recipe as JSON: one to four operations, the last perhaps one that finishes, and sometimes an output."""
    first = st.one_of(tempos, pitches, trims, fades, spatials, equalizers, compressors, reverbs, mixes, conversions)
    chosen = draw(st.lists(first, max_size=3, unique_by=lambda drawn: str(drawn["type"])))
    if not chosen or draw(st.booleans()):
        chosen.append(draw(finishes))
    return {"operations": chosen, **draw(_some(output=outputs))}
