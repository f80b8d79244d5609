"""Short-lived links to a Track and to what a Job made of it, under names that its owner recognises."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Conflict
from tonearm.domain.job import JobStatus
from tonearm.domain.output_format import CONTENT_TYPES
from tonearm.domain.track import Track
from tonearm.ports import DownloadLink, Media, Uploads
from tonearm.services.ownership import Ownership

# By what was found in the upload: its own name may say anything, and a browser plays by the type.
_SUFFIX_AND_TYPE: Mapping[str, tuple[str, str]] = {
    **{codec: (f".{codec}", content_type) for codec, content_type in CONTENT_TYPES.items()},
    "aiff": (".aiff", "audio/aiff"),
    "adts": (".aac", "audio/aac"),
    "mp4": (".m4a", "audio/mp4"),
    "webm": (".webm", "audio/webm"),
    "matroska": (".mka", "audio/x-matroska"),
}
_UNKNOWN = ("", "application/octet-stream")


def safe_filename(title: str, suffix: str) -> str:
    """A file name without anything that a header, a shell or a file system could read as more than a name."""
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^\w .()-]+", "_", title))[:80].strip(" .")
    return f"{name or 'track'}{suffix}"


@dataclass(frozen=True)
class CreateDownloads:
    """Links are made on asking and never kept."""

    ownership: Ownership
    uploads: Uploads
    media: Media
    clock: Clock

    def of_track(self, owner_id: str, track_id: str) -> dict[str, DownloadLink]:
        """Links by what they lead to: ``source``, the file as it was uploaded, ``analysis`` and ``peaks``.

        Raises:
            NotFound: there is no such Track of this owner.
            Conflict: ``track.not_ready``.
        """
        track = self.ownership.track(owner_id, track_id)
        track.require_ready()
        suffix, content_type = _SUFFIX_AND_TYPE.get(track.probe.container, _UNKNOWN) if track.probe else _UNKNOWN
        source = self.uploads.link(
            track.upload_key,
            upload_version=track.upload_version,
            filename=safe_filename(track.title, suffix),
            content_type=content_type,
            now=self.clock(),
            not_after=track.expires_at,
        )
        return {"source": source, **self._measured(track)}

    def of_job(self, owner_id: str, job_id: str) -> dict[str, DownloadLink]:
        """Links by what they lead to: ``render``, ``certificate`` and ``render_peaks`` (when it made one), and its
        Track's ``analysis`` and ``peaks``. What was made before there were peaks has none.

        Raises:
            NotFound: there is no such Job of this owner.
            Conflict: ``job.not_succeeded``.
        """
        job = self.ownership.job(owner_id, job_id)
        if job.status is not JobStatus.SUCCEEDED:
            raise Conflict(
                "job.not_succeeded",
                f"Job {job_id} is {job.status}; only a succeeded job has downloads.",
                value=job.status.value,
                limit=JobStatus.SUCCEEDED.value,
                mend="Wait until it has succeeded; a failed job says why in its problem.",
            )
        track = self.ownership.track(owner_id, job.track_id)
        links = self._measured(track)
        if job.render:
            links["render"] = self._link(track, job.render.key, f".{job.render.codec}")
            links["certificate"] = self._link(track, job.render.certificate_key, ".certificate.json")
            if job.render.peaks_key:
                links["render_peaks"] = self._link(track, job.render.peaks_key, ".render-peaks.json")
        return links

    def _measured(self, track: Track) -> dict[str, DownloadLink]:
        links = {"analysis": self._link(track, track.analysis_key, ".analysis.json")}
        if track.has_peaks:
            links["peaks"] = self._link(track, track.peaks_key, ".peaks.json")
        if track.has_spectrogram:
            links["peaks_detail"] = self._link(track, track.peaks_detail_key, ".peaks-detail.json")
            links["spectrogram"] = self._link(track, track.spectrogram_key, ".spectrogram.png")
        return links

    def _link(self, track: Track, key: str, suffix: str) -> DownloadLink:
        return self.media.link(
            key,
            filename=safe_filename(track.title, suffix),
            now=self.clock(),
            not_after=track.expires_at,
        )
