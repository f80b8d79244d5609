"""Transform a Track by its Job's recipe; nothing is visible to the owner until it is certified."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tonearm.domain.certificate import Render
from tonearm.domain.errors import InvalidRequest
from tonearm.domain.job import Job, Stage, StepInput
from tonearm.domain.output_format import CONTENT_TYPES
from tonearm.domain.recipe import Recipe
from tonearm.domain.track import Track
from tonearm.ports import AudioEngine, Media
from tonearm.services.fetch_sources import FetchSources
from tonearm.services.step import BeginStage


def recipe_of(job: Job) -> Recipe:
    """The Job's recipe. Raises `InvalidRequest` for a job that has none."""
    if job.recipe is None:
        raise InvalidRequest("job.no_recipe", f"Job {job.job_id} has no recipe.", mend="Ask for it with a recipe.")
    return job.recipe


def render_prefix(track: Track, recipe: Recipe, engine_version: str) -> str:
    """Where a render lies: the same Track, recipe and engine make the same PCM, so they share one place."""
    return f"{track.media_prefix}renders/{recipe.content_hash}-{engine_version}/"


@dataclass(frozen=True)
class RenderTrack:
    """Identical work is done once: what lies there already is not made again."""

    begin_stage: BeginStage
    fetch_sources: FetchSources
    media: Media
    engine: AudioEngine

    def __call__(self, step: StepInput) -> Render:
        """The render that lies in the media bucket.

        Raises:
            RecipeRefused: another Track that the recipe names cannot be used, or nothing is left of this one.
            JobAlreadyEnded: there is nothing left to do.
        """
        work = self.begin_stage(step, Stage.TRANSFORM)
        track, recipe = work.track, recipe_of(work.job)
        prefix = render_prefix(track, recipe, self.engine.version)
        # The record is written after the render, so where it stands the render is whole.
        record_key = f"{prefix}render.json"
        record = self.media.read_json(record_key)
        if record is not None:
            return Render.model_validate(record)
        codec = recipe.output.codec
        with tempfile.TemporaryDirectory() as folder:
            sources, made = self.fetch_sources(track, recipe, Path(folder)), Path(folder, f"render.{codec}")
            rendered = self.engine.render(
                sources.track, made, recipe=recipe, others=sources.others, on_progress=work.on_progress
            )
            render = Render(
                key=f"{prefix}render.{codec}",
                certificate_key=f"{prefix}certificate.json",
                codec=codec,
                content_type=CONTENT_TYPES[codec],
                size_bytes=made.stat().st_size,
                duration_s=rendered.duration_s,
                pcm_sha256=rendered.pcm_sha256,
                recipe_hash=recipe.content_hash,
                engine_version=self.engine.version,
            )
            self.media.put_file(render.key, made, content_type=render.content_type)
        self.media.put_json(record_key, render.model_dump(mode="json"))
        return render
