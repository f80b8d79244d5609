"""The list of extensions, in the order in which they are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tonearm_local.emulator import (
    cloudfront_empty_headers,
    cloudfront_to_api,
    faults,
    functions_in_containers,
    functions_in_processes,
    prompt_answers,
    save_on_signal,
    save_regularly,
    states_end_is_final,
    states_machine_timeout,
    states_repeated_start,
    states_retry_delay,
    states_survive_restart,
    states_throttled_name,
    states_tracing,
    stopping,
    strangers_refused,
    whole_answers,
    worker_gate,
)
from tonearm_local.emulator.settings import SAVED

if TYPE_CHECKING:
    from pathlib import Path


def install_all(
    *,
    port: int,
    state_dir: Path,
    images_dir: Path,
    managed_python: Path,
    containers_file: Path | None,
    faults_file: Path | None,
) -> None:
    """Install every extension once, before the emulator serves.

    `containers_file` is None unless image functions run in containers, `faults_file` None outside tests.
    """
    scratch = state_dir / "tmp" / "functions"
    functions_in_processes.install(
        functions_in_processes.Programs(
            images=images_dir,
            managed_python=managed_python,
            unpacked=state_dir / "unpacked",
            scratch=scratch,
        )
    )
    if containers_file is not None:
        functions_in_containers.install(containers_file, scratch=scratch)
    stopping.install()
    strangers_refused.install()
    prompt_answers.install()
    whole_answers.install()
    worker_gate.install()
    states_throttled_name.install()
    states_retry_delay.install()
    states_repeated_start.install()
    states_tracing.install()
    # The timer wraps the walk through the states, and the end unwinds inside it.
    states_end_is_final.install()
    states_machine_timeout.install()
    states_survive_restart.install(port=port)
    cloudfront_empty_headers.install()
    cloudfront_to_api.install(port=port)
    save_on_signal.install(state_dir / SAVED)
    save_regularly.install()
    if faults_file is not None:
        faults.install(faults_file)
