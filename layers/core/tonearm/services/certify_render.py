"""Certify a render: measure the encoded file against what its recipe promises."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tonearm.domain.certificate import Certificate, Render
from tonearm.domain.clock import Clock
from tonearm.domain.errors import TransientError
from tonearm.domain.job import Stage, StepInput
from tonearm.ports import AudioEngine, Jobs, Media
from tonearm.services.change import change
from tonearm.services.fetch_sources import FetchSources
from tonearm.services.render_track import recipe_of, render_prefix
from tonearm.services.step import BeginStage


@dataclass(frozen=True)
class CertifyRender:
    """The certificate is kept whether the promises are or not; only a kept one gives the Job its Render, and peaks."""

    begin_stage: BeginStage
    jobs: Jobs
    fetch_sources: FetchSources
    media: Media
    engine: AudioEngine
    clock: Clock

    def __call__(self, step: StepInput) -> Certificate:
        """The certificate.

        Raises:
            PromiseBroken: naming every broken promise with its figures.
            RecipeRefused: another Track that the recipe names is gone meanwhile.
            JobAlreadyEnded: there is nothing left to do.
            TransientError: the render is not there yet.
        """
        work = self.begin_stage(step, Stage.CERTIFY)
        track, recipe = work.track, recipe_of(work.job)
        prefix = render_prefix(track, recipe, self.engine.version)
        record = self.media.read_json(f"{prefix}render.json")
        if record is None:
            raise TransientError(f"The render of job {step.job_id} is not in the bucket.")
        render = Render.model_validate(record)
        with tempfile.TemporaryDirectory() as folder:
            sources, made = self.fetch_sources(track, recipe, Path(folder)), Path(folder, f"render.{render.codec}")
            self.media.fetch(render.key, made)
            found = self.engine.certify(
                sources.track, made, recipe=recipe, others=sources.others, on_progress=work.on_progress
            )
        self.media.put_json(render.certificate_key, found.document)
        found.certificate.require_kept()
        # Drawn from the file that was measured here; so one that was made before there were peaks has them now.
        peaks_key = f"{prefix}peaks.json"
        self.media.put_json(peaks_key, found.peaks)
        render = render.model_copy(update={"peaks_key": peaks_key})
        change(self.jobs, step.owner_id, step.job_id, lambda job: job.rendered(self.clock(), render=render))
        return found.certificate
