"""Short-lived links to what a Job made, under names that its owner recognises."""

import re
from dataclasses import dataclass

from tonearm.domain.clock import Clock
from tonearm.domain.errors import Conflict
from tonearm.domain.job import JobStatus
from tonearm.domain.track import Track
from tonearm.ports import DownloadLink, Media
from tonearm.services.ownership import Ownership


def safe_filename(title: str, suffix: str) -> str:
    """A file name without anything that a header, a shell or a file system could read as more than a name."""
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^\w .()-]+", "_", title))[:80].strip(" .")
    return f"{name or 'track'}{suffix}"


@dataclass(frozen=True)
class CreateDownloads:
    """Links are made on asking and never kept."""

    ownership: Ownership
    media: Media
    clock: Clock

    def of_job(self, owner_id: str, job_id: str) -> dict[str, DownloadLink]:
        """Links by what they lead to: ``render`` and ``certificate`` (when it made one) and ``analysis``.

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
        links = {"analysis": self._link(track, track.analysis_key, ".analysis.json")}
        if job.render:
            links["render"] = self._link(track, job.render.key, f".{job.render.codec}")
            links["certificate"] = self._link(track, job.render.certificate_key, ".certificate.json")
        return links

    def _link(self, track: Track, key: str, suffix: str) -> DownloadLink:
        return self.media.link(
            key,
            filename=safe_filename(track.title, suffix),
            now=self.clock(),
            not_after=track.expires_at,
        )
