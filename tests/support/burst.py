"""Many uploads at once, by several people, and the account of what became of each: none lost, none doubled."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cloud import Cloud, Tap
from tests.support.person import JSON, TERMINAL, Person, wait_until

SENDERS = 8


@dataclass(frozen=True)
class Upload:
    """An upload whose POST was answered: from here on its owner may expect an end."""

    person: Person
    track_id: str
    job_id: str
    answered_at: float


@dataclass
class Burst:
    """Uploads of one song, and how they ended."""

    cloud: Cloud
    tap: Tap
    people: Sequence[Person]
    song: Path
    recipe: JSON | None = None
    uploads: list[Upload] = field(default_factory=list)
    took_s: dict[str, float] = field(default_factory=dict)

    def send(self, count: int, *, until: Callable[[], bool] = lambda: False) -> None:
        """Upload `count` times, some at once. After `until` says so no more are begun, and failures are expected."""

        def one(number: int) -> None:
            person = self.people[number % len(self.people)]
            said = {"recipe": self.recipe} if self.recipe else {}
            try:
                if until():
                    return
                track = person.uploads(self.song, title=f"Song {number}", **said)
            except Exception:
                if not until():
                    raise
                return
            self.uploads.append(Upload(person, track["track_id"], track["ingest_job_id"], time.monotonic()))

        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(one, range(count)))

    def repeat_every_event(self) -> None:
        """S3's event of each upload comes once more, as a message of its own."""
        for upload in self.uploads:
            key = f"uploads/{upload.person.owner_id}/{upload.track_id}/source"
            self.cloud.tell_of_upload(key)

    def wait(self, *, timeout_s: float, reconcile: bool = False) -> None:
        """Until every job has ended, as its owner reads it, and was announced; `reconcile` sweeps meanwhile."""
        open_jobs = {upload.job_id: upload for upload in self.uploads}

        def all_ended() -> bool:
            if reconcile:
                self.cloud.sweep(amid_work=True)
            ended = {row["job_id"]["S"] for row in self._job_rows() if row["status"]["S"] in TERMINAL}
            for job_id in ended & open_jobs.keys():
                self.took_s[job_id] = time.monotonic() - open_jobs.pop(job_id).answered_at
            return not open_jobs

        every_s = 2.0 if reconcile else 0.5
        wait_until(f"the end of {len(open_jobs)} jobs", all_ended, timeout_s=timeout_s, every_s=every_s)
        wait_until("every execution's end", self._none_runs, timeout_s=60)
        wait_until("every job announced", self._all_told, timeout_s=60, every_s=0.5)
        if reconcile:
            # Whatever a sweep met amid the work, nothing of it is left.
            self.cloud.sweep()

    def ended(self) -> int:
        """How many jobs have ended so far."""
        return sum(row["status"]["S"] in TERMINAL for row in self._job_rows())

    def account(self) -> JSON:
        """What there is of these uploads, counted; of each kind there should be one an upload."""
        jobs = {upload.job_id for upload in self.uploads}
        mine = [row for row in self._job_rows() if row["job_id"]["S"] in jobs]
        self.tap.events("")
        events = [event for event in self.tap.seen if event["job_id"] in jobs]
        executions = [found for found in self.cloud.all_executions() if found["name"] in jobs]
        files = Counter(
            key.rsplit("/", 1)[-1]
            for person in self.people
            for key in self.cloud.keys(self.cloud.outputs.media_bucket, f"media/{person.owner_id}/")
        )
        return {
            "uploads": len(self.uploads),
            "jobs": len(mine),
            "statuses": dict(Counter(row["status"]["S"] for row in mine)),
            "reasons": dict(Counter(row["problem"]["M"]["code"]["S"] for row in mine if "problem" in row)),
            "tracks": dict(Counter(row["status"]["S"] for row in self._rows("TRACK#"))),
            "executions": dict(Counter(found["status"] for found in executions)),
            "steps": dict(Counter(state for found in executions for state in self.cloud.steps(found["executionArn"]))),
            "events": len({event["event_id"] for event in events}),
            "events_with_doubles": len(events),
            "renders": files["render.json"],
            "analyses": files["analysis.json"],
            "dead_letters": self.cloud.waiting_in(self.cloud.outputs.jobs_dlq_url),
        }

    def latency_s(self, share: float) -> float:
        """The time within which this share (0..1) of the jobs ended, from the answer to their POST."""
        times = sorted(self.took_s.values())
        return times[min(int(share * len(times)), len(times) - 1)]

    def _rows(self, kind: str) -> list[JSON]:
        return [row for person in self.people for row in self.cloud.rows(person.owner_id, kind)]

    def _job_rows(self) -> list[JSON]:
        return self._rows("JOB#")

    def _none_runs(self) -> bool:
        return not any(found["status"] == "RUNNING" for found in self.cloud.all_executions())

    def _all_told(self) -> bool:
        return all(row.get("announced", {}).get("BOOL") for row in self._job_rows())
