"""The short form of a Recipe that people type, read and written by one table; docs/recipes.md explains it.

    recipe    = part { "," part }
    part      = operation | output
    operation = name [ "=" main ] { ":" setting }
    setting   = name "=" value | band | strip
    band      = kind "@" hertz [ "/" q ] [ "=" decibels ]
    strip     = name "(" [ setting { ":" setting } ] ")"

What a setting is called, what it takes and what it is by default stands in the operations themselves: a name is a
field's, with its unit or without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import TypeAdapter, ValidationError

from tonearm.domain.errors import InvalidRequest
from tonearm.domain.ids import TrackId
from tonearm.domain.operations import (
    OPERATIONS,
    Band,
    Compress,
    Equalize,
    Mix,
    MixTrack,
    Operation,
    Reverb,
    Trim,
)
from tonearm.domain.output_format import OutputFormat
from tonearm.domain.values import Value

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=Value)
TrackNamed = Callable[[str], str]

# What stands behind the equals sign of an operation itself.
_MAIN: Mapping[str, str] = {
    "tempo": "factor",
    "pitch": "semitones",
    "loudness": "target_lufs",
    "master": "preset",
    "mix": "track_id",
}
_OUTPUT: Mapping[str, str] = {
    "format": "codec",
    "bitrate": "bitrate_kbps",
    "variable": "variable",
    "bit_depth": "bit_depth",
}
_STRIPS: tuple[type[Operation], ...] = (Equalize, Compress, Reverb)
_SHORT = {"sample_rate_hz": "rate", "reference_track_id": "reference"}
_UNITS = re.compile(r"_(s|ms|hz|db|dbfs|dbtp|lufs|kbps)$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_SPAN = re.compile(r"(?P<start_s>[^-]*)-(?P<end_s>[^-]*)")
_BAND = re.compile(r"(?P<kind>[^@/=]*)@(?P<frequency_hz>[^@/=]*)(/(?P<q>[^@/=]*))?(=(?P<gain_db>[^@/=]*))?")
_ITSELF = "song"
"""What the track itself is called in a mix; no Track's id is this short."""

EXAMPLES: Mapping[str, str] = {
    "trim": "trim=10-95.5",
    "fade": "fade:in=2:out=5",
    "tempo": "tempo=1.1",
    "pitch": "pitch=2:formants=keep",
    "spatial": "spatial:seed=7:speed=0.2",
    "equalize": "equalize:peak@1000=+3:high_pass@80",
    "compress": "compress:threshold=-18:ratio=3",
    "reverb": "reverb:decay=1.8:mix=0.2",
    "mix": "mix=trk_01jd3v8w2q5r7s9t1v3x5y7z9a:gain=-3:pan=0.5",
    "convert": "convert:rate=48000:channels=1",
    "loudness": "loudness=-14",
    "master": "master=warm",
    "format": "format=flac",
    "bitrate": "bitrate=256",
    "variable": "variable=yes",
    "bit_depth": "bit_depth=24",
}
_BY_NAME: Mapping[str, type[Operation]] = {kind.model_fields["type"].default: kind for kind in OPERATIONS}
_BOOLEANS = {"yes": True, "no": False}


def read(recipe: type[Model], text: str, *, track_named: TrackNamed | None) -> Model:
    """The recipe that a text says. Raises `InvalidRequest`."""
    operations: list[dict[str, Any]] = []
    output: dict[str, Any] = {}
    before = None
    for part in filter(None, _split(text, ",")):
        name, main, settings = _taken_apart(part)
        if name in _OUTPUT:
            _set_output(output, part, name, main, settings)
        elif name == "mix":
            # Parts of a mix that stand side by side are one mix.
            if before != "mix":
                operations.append({"type": "mix", "tracks": []})
            _add_to_mix(operations[-1], part, main, settings, track_named or _itself)
        elif name in _BY_NAME:
            operations.append(_operation(part, name, main, settings, track_named or _itself))
        else:
            raise _unknown(part, name)
        before = name
    try:
        return recipe.model_validate({"operations": operations, "output": output})
    except ValidationError as error:
        said = _said(error)
        raise _refusal(
            f"The recipe '{_shown(text)}' cannot be used: {said}",
            value=text,
            limit=_KNOWN,
            mend="Change what it says there, and leave the rest as it is.",
        ) from error


def write(operations: Iterable[Operation], output: OutputFormat) -> str:
    """The short form of a recipe."""
    parts = [part for operation in operations for part in _parts(operation)]
    parts.append(f"format={output.codec}")
    for name, field in _OUTPUT.items():
        value = getattr(output, field)
        if field != "codec" and output.counts(field) and value != OutputFormat.model_fields[field].default:
            parts.append(f"{name}={_figure(value)}")
    return ",".join(parts)


def usage(name: str) -> str:
    """All that may be said of an operation, and within which limits, in a line."""
    if name in _OUTPUT:
        return f"{name}={_described(OutputFormat.model_fields[_OUTPUT[name]])}"
    kind = _BY_NAME[name]
    fields = dict((MixTrack if kind is Mix else kind).model_fields)
    fields.pop("type", None)
    main = _MAIN.get(name)
    said = [name]
    if kind is Trim:
        fields, said = {}, ["trim=START-END in seconds, END may be left out"]
    elif kind is Mix:
        fields.pop("track_id")
        said = [f"mix=TRACK or mix={_ITSELF}"]
    elif main is not None:
        field = fields.pop(main)
        said = [f"{name}={_described(field)}" if field.is_required() else f"{name}[={_described(field)}]"]
    for each, field in fields.items():
        if each == "bands":
            bands = Band.model_fields
            said.append(f"KIND@HZ[/Q][=DB] once for each band; KIND {_described(bands['kind'])}")
        elif any(each == strip.model_fields["type"].default for strip in _STRIPS):
            said.append(f"{each}(...)")
        else:
            said.append(f"{_short(each)}={_described(field)}")
    return ":".join(said)


# ---------------------------------------------------------------- reading


@dataclass(frozen=True)
class _Setting:
    """A setting as it was typed: `name=value`, `name(inner)`, or a band."""

    text: str
    name: str
    value: str | None
    inner: str | None


def _itself(name: str) -> str:
    return name


def _split(text: str, mark: str) -> Iterator[str]:
    """The parts of a text between marks that stand in no parentheses."""
    depth, begin = 0, 0
    for at, character in enumerate(f"{text}{mark}"):
        if character == mark and depth == 0:
            yield text[begin:at].strip()
            begin = at + 1
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
    if depth != 0:
        raise _refusal(
            f"The recipe has a part '{_shown(text)}' whose parentheses do not match.",
            value=text,
            limit="a ) for each (",
            mend="Write it like mix=TRACK:reverb(decay=2:mix=0.3).",
        )


def _taken_apart(part: str) -> tuple[str, str | None, list[_Setting]]:
    """The name of a part, what stands behind its equals sign, and its settings."""
    head, *rest = _split(part, ":")
    name, equals, main = (piece.strip() for piece in head.partition("="))
    return name, main if equals else None, [_setting(piece) for piece in rest]


def _setting(text: str) -> _Setting:
    if text.endswith(")"):
        name, _, inner = text.removesuffix(")").partition("(")
        return _Setting(text, name.strip(), None, inner)
    name, equals, value = (piece.strip() for piece in text.partition("="))
    return _Setting(text, name, value if equals else None, None)


def _operation(
    part: str, name: str, main: str | None, settings: list[_Setting], track_named: TrackNamed
) -> dict[str, Any]:
    kind = _BY_NAME[name]
    found: dict[str, Any] = {"type": name}
    if kind is Trim and main is not None:
        span = _SPAN.fullmatch(main)
        if span is None:
            raise _wrong(part, name, f"'{main}' is no span of time")
        found |= {field: said.strip() for field, said in span.groupdict().items() if said.strip()}
    elif main is not None and name not in _MAIN:
        raise _wrong(part, name, f"{name} takes no '={main}'")
    elif main is not None:
        found[_MAIN[name]] = main
    found |= _settings(part, name, kind, settings)
    if "reference_track_id" in found:
        found["reference_track_id"] = _track(part, name, found["reference_track_id"], track_named)
    _check(kind, found, part, name)
    return found


def _add_to_mix(
    mix: dict[str, Any], part: str, main: str | None, settings: list[_Setting], track_named: TrackNamed
) -> None:
    if not main:
        raise _wrong(part, "mix", "it does not say which track is mixed in")
    kind = Mix if main == _ITSELF else MixTrack
    found = _settings(part, "mix", kind, settings)
    if main != _ITSELF:
        found = {"track_id": _track(part, "mix", main, track_named), **found}
    _check(kind, found, part, "mix")
    if main != _ITSELF:
        mix["tracks"].append(found)
    elif mix.keys() & found.keys():
        raise _wrong(part, "mix", f"{_ITSELF} is said twice")
    else:
        mix |= found


def _track(part: str, name: str, said: str, track_named: TrackNamed) -> str:
    track_id = track_named(said)
    try:
        return TypeAdapter(TrackId).validate_python(track_id)
    except ValidationError:
        raise _wrong(part, name, f"'{said}' is no track's id") from None


def _settings(part: str, name: str, kind: type[Value], settings: list[_Setting]) -> dict[str, Any]:
    """The fields that settings name, each once."""
    main = {"start_s", "end_s"} if kind is Trim else {_MAIN.get(name)}
    fields = {
        called: field
        for field in kind.model_fields
        if field not in {"type", "tracks", *main}
        for called in (field, _short(field))
    }
    found: dict[str, Any] = {}
    for setting in settings:
        if "bands" in fields and "@" in setting.text:
            found.setdefault("bands", []).append(_band(part, setting.text))
            continue
        field = fields.get(setting.name)
        if field is None or field == "bands":
            near = get_close_matches(setting.name, fields, 1)
            meant = f" (is {near[0]} meant?)" if near else ""
            raise _wrong(part, name, f"'{setting.text}' is no setting of {name}{meant}")
        if field in found:
            raise _wrong(part, name, f"{setting.name} is said twice")
        strip = next((each for each in _STRIPS if each.model_fields["type"].default == field), None)
        if strip is not None:
            if setting.inner is None:
                raise _wrong(part, name, f"{field} has its settings in parentheses, like {_in_a_mix(field)}")
            inner = [_setting(piece) for piece in _split(setting.inner, ":")] if setting.inner.strip() else []
            found[field] = {"type": field, **_settings(setting.text, field, strip, inner)}
            _check(strip, found[field], setting.text, field)
        elif setting.value is None:
            raise _wrong(part, name, f"{setting.name} has no value")
        else:
            found[field] = setting.value
    return found


def _band(part: str, text: str) -> dict[str, Any]:
    read = _BAND.fullmatch(text)
    if read is None:
        raise _wrong(part, "equalize", f"'{text}' is no band")
    found = {field: said.strip() for field, said in read.groupdict().items() if said is not None}
    return _check(Band, found, part, "equalize")


def _set_output(output: dict[str, Any], part: str, name: str, main: str | None, settings: list[_Setting]) -> None:
    field = _OUTPUT[name]
    if not main or settings:
        raise _wrong(part, name, f"{name} takes one value")
    if field in output:
        raise _wrong(part, name, f"{name} is said twice")
    _check(OutputFormat, said := {field: main}, part, name)
    output |= said


def _check(kind: type[Value], found: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    """Hold what was typed against a model, and put what it means in its place.

    Raises:
        InvalidRequest: naming the setting, what it is and what it must be.
    """
    typed = dict(found)
    for each, said in typed.items():
        if isinstance(said, str) and each != "type":
            found[each] = _meant(kind.model_fields[each], said)
    try:
        kind.model_validate(found)
    except ValidationError as error:
        # The tracks of a mix come in parts of their own.
        first = next((one for one in error.errors() if one["loc"][:1] != ("tracks",)), None)
        if first is None:
            return found
        field = first["loc"][0] if first["loc"] else None
        if field == "bands" and first["type"] == "missing":
            raise _wrong(part, name, "it has no bands") from error
        if not isinstance(field, str) or field == "bands":
            raise _wrong(part, name, _said(error).removesuffix(".")) from error
        takes = _described(kind.model_fields[field])
        if first["type"] == "missing":
            raise _wrong(part, name, f"it does not say its {_short(field)}, {takes}") from error
        must = f"it must lie between {takes.replace(' to ', ' and ')}" if " to " in takes else f"it must be {takes}"
        raise _wrong(part, name, f"{_short(field)} is {_shown(str(typed[field])) or 'nothing'}; {must}") from error
    return found


def _meant(field: FieldInfo, said: str) -> Any:
    """What a text means for a field: a number, a word or yes; anything else stays as it is and is refused."""
    kinds = [kind for kind in _kinds(field.annotation) if kind is not NoneType]
    if bool in kinds:
        return _BOOLEANS.get(said, said)
    choices = {str(choice): choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)}
    if choices:
        return choices.get(said, said)
    # Python reads more than figures as numbers: "nan", "1_000", digits of other scripts.
    return float(said) if {int, float} & set(kinds) and len(said) < 50 and _NUMBER.fullmatch(said) else said


# ---------------------------------------------------------------- writing


def _parts(operation: Operation) -> Iterator[str]:
    name: str = operation.type
    if isinstance(operation, Mix):
        if itself := _written(operation):
            yield ":".join([f"mix={_ITSELF}", *itself])
        for track in operation.tracks:
            yield ":".join([f"mix={track.track_id}", *_written(track)])
        return
    head = name
    if isinstance(operation, Trim):
        head = f"trim={_figure(operation.start_s)}-{'' if operation.end_s is None else _figure(operation.end_s)}"
    elif (main := _MAIN.get(name)) and (value := getattr(operation, main)) is not None:
        head = f"{name}={_figure(value)}"
    yield ":".join([head, *_written(operation)])


def _written(value: Value) -> list[str]:
    """The settings of an operation, all but its main one and its defaults."""
    if isinstance(value, Trim):
        return []
    main = "track_id" if isinstance(value, MixTrack) else _MAIN.get(getattr(value, "type", ""))
    found: list[str] = []
    for field, info in type(value).model_fields.items():
        said = getattr(value, field)
        if field in {"type", "tracks", main} or said == info.default:
            continue
        if field == "bands":
            found += [_band_text(band) for band in said]
        elif isinstance(said, _STRIPS):
            found.append(f"{field}({':'.join(_written(said))})")
        else:
            found.append(f"{_short(field)}={_figure(said)}")
    return found


def _band_text(band: Band) -> str:
    q = "" if band.q == Band.model_fields["q"].default else f"/{_figure(band.q)}"
    gain = f"={'+' if band.gain_db > 0 else ''}{_figure(band.gain_db)}" if band.gain_db else ""
    return f"{band.kind}@{_figure(band.frequency_hz)}{q}{gain}"


def _figure(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    # In decimals: in "6.1e-05" a minus would end the one figure of a range and begin the other.
    return format(Decimal(repr(value)), "f").removesuffix(".0") if isinstance(value, float) else str(value)


# ---------------------------------------------------------------- words


_KNOWN = ", ".join([*_BY_NAME, *_OUTPUT])


def _short(field: str) -> str:
    return _SHORT.get(field) or _UNITS.sub("", field)


def _in_a_mix(name: str) -> str:
    inner = EXAMPLES[name].removeprefix(f"{name}:")
    return f"{name}({inner})"


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """What a field may hold: the sides of a union, or the one thing that it is."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) is Literal or not get_args(annotation):
        return (annotation,)
    return tuple(inner for side in get_args(annotation) for inner in _kinds(side))


def _described(field: FieldInfo) -> str:
    """What a field takes, in words: its limits, or its choices."""
    kinds = [kind for kind in _kinds(field.annotation) if kind is not NoneType]
    if bool in kinds:
        return " or ".join(_BOOLEANS)
    choices = [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    if choices:
        return " or ".join(choices) if len(choices) < 3 else f"{', '.join(choices[:-1])} or {choices[-1]}"
    if not {int, float} & set(kinds):
        return "a track's id"
    bounds: list[Any] = [*field.metadata, *(extra for kind in get_args(field.annotation) for extra in _metadata(kind))]
    least = next(str(bound.ge) for bound in bounds if isinstance(bound, Ge))
    most = next(str(bound.le) for bound in bounds if isinstance(bound, Le))
    return f"{least.removesuffix('.0')} to {most.removesuffix('.0')}"


def _metadata(annotation: Any) -> tuple[Any, ...]:
    found: list[Any] = []
    for each in getattr(annotation, "__metadata__", ()):
        found += getattr(each, "metadata", [each])
    return tuple(found)


def _said(error: ValidationError) -> str:
    """What pydantic found first, in the words of whoever wrote the rule."""
    first = error.errors()[0]
    named = [str(step) for step in first["loc"] if isinstance(step, str)]
    if first["type"] == "too_short":
        return f"it names no {named[-1]}."
    where = f"{named[-1]}: " if named and first["type"] != "value_error" else ""
    message = str(first["msg"]).removeprefix("Value error, ").removesuffix(".")
    return f"{where}{message}."


def _shown(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


def _wrong(part: str, name: str, why: str) -> InvalidRequest:
    return _refusal(
        f"The recipe has a part '{_shown(part)}' that cannot be used: {why}.",
        value=part,
        limit=usage(name),
        mend=f"Write it like {EXAMPLES[name]}.",
    )


def _unknown(part: str, name: str) -> InvalidRequest:
    near = get_close_matches(re.split(r"\W", name)[0], EXAMPLES, 1)
    meant = f" Is {near[0]} meant?" if near else ""
    return _refusal(
        f"The recipe has a part '{_shown(part)}' that is not known.{meant}",
        value=part,
        limit=_KNOWN,
        mend=f"Write it like {EXAMPLES[near[0]]}." if near else "Write it like tempo=1.1,pitch=2,format=flac.",
    )


def _refusal(detail: str, *, value: str, limit: str, mend: str) -> InvalidRequest:
    return InvalidRequest("recipe.invalid", detail, value=_shown(value), limit=limit, mend=mend)
