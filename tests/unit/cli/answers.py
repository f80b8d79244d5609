"""What the API answers, as a test needs it."""

from typing import Any

from tonearm_audio.packets import FORMATS_READ

TRACK_ID = "trk_01hzy0000000000000000000tr"
JOB_ID = "job_01hzy0000000000000000000jb"


def track(status: str = "validating", **more: Any) -> dict[str, Any]:
    return {
        "track_id": TRACK_ID,
        "status": status,
        "problem": None,
        "ingest_job_id": JOB_ID,
        "title": "Song",
        "something_newer": 1,
        **more,
    }


def job(status: str = "running", **more: Any) -> dict[str, Any]:
    return {"job_id": JOB_ID, "track_id": TRACK_ID, "status": status, "stage": None, "percent": 0, **more}


def account() -> dict[str, Any]:
    limits = {"max_upload_bytes": 104_857_600, "max_duration_s": 1200.0}
    return {"user_id": "sub-of-ada", "tier": "free", "limits": limits}


def problem(code: str = "track.not_audio", status: int = 409, **more: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": "Conflict",
        "status": status,
        "code": code,
        "detail": "This file is a PNG picture, not a song in a format that Tonearm reads.",
        "value": "a PNG picture",
        "limit": FORMATS_READ,
        "mend": f"Upload {FORMATS_READ}.",
        "correlation_id": "abc",
        **more,
    }


def render() -> dict[str, Any]:
    return {
        "codec": "mp3",
        "content_type": "audio/mpeg",
        "size_bytes": 320_000,
        "duration_s": 20.0,
        "pcm_sha256": "e" * 64,
        "recipe_hash": "0123456789abcdef",
        "engine_version": "1",
    }


def analysis(tempo_bpm: float | None = 100.0) -> dict[str, Any]:
    loudness = {"integrated_lufs": -14.5, "range_lu": 3.0, "true_peak_dbtp": -1.0, "sample_peak_dbfs": -1.25}
    return {"duration_s": 22.0, "tempo_bpm": tempo_bpm, "tempo_confidence": 0.9, "loudness": loudness}


def promise(name: str, expected: float | None, measured: float | None, unit: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "operation": "tempo",
        "unit": unit,
        "expected": expected,
        "measured": measured,
        "tolerance": 1.0,
        "kept": True,
        "note": "",
        **more,
    }


def certificate() -> dict[str, Any]:
    return {
        "engine_version": "1",
        "kept": True,
        "promises": [
            promise("duration", 882_000.0, 882_000.0, "frames", tolerance=0.0),
            promise("level", -20.0, -19.75, "LUFS"),
            promise("clipping", 0.0, 0.0, "samples"),
            promise("pitch", 0.0, None, "cents", note="not measurable: no tones"),
        ],
    }
