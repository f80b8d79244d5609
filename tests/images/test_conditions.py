"""An image has Lambda's limits and nothing to break them with."""

import os
import re
from typing import Any

import pytest

from tests.images.conftest import Probes
from tonearm_local.images.build import PROXIES, TARGETS, Image, pip_files, pip_settings
from tonearm_local.images.container import STACK_LABEL, Limits
from tonearm_local.images.engine import Engine
from tonearm_local.images.runtime_api import InitError

pytestmark = [pytest.mark.images, pytest.mark.xdist_group("stack")]

# Of PyAV's wheel, and what only an FFmpeg with GPL parts brings.
GPL_LIBRARIES = re.compile(r"x264|x265|xvid|/av(\.libs)?/|pyav", re.IGNORECASE)
GPL = re.compile(r"(?<![LA])GPL|(?<!Lesser )General Public", re.IGNORECASE)


@pytest.fixture(scope="module", params=TARGETS)
def seen(request: pytest.FixtureRequest, probes: Probes) -> Any:
    """Given what a handler finds in each image."""
    with probes.in_image(request.param, Limits(memory_mb=512, ephemeral_mb=600)) as trial:
        answer = trial.invoke({}, limit_s=60)
    assert answer.error_type == "", answer.payload
    return answer.payload


def test_it_runs_as_nobody_with_no_rights(seen: Any) -> None:
    assert seen["user"] == [10001, 10001]
    assert seen["capabilities"] == [0, 0, 0, 0, 0]
    assert seen["no_new_privileges"] == "1"


def test_it_can_write_to_tmp_only_and_only_so_much(seen: Any) -> None:
    assert seen["writable"] == []
    assert seen["tmp_mb"] == 600


def test_it_reaches_nothing_but_its_own_loopback_interface(seen: Any) -> None:
    assert seen["interfaces"] == ["lo"]


def test_it_has_nothing_to_install_or_build_with(seen: Any) -> None:
    assert seen["tools"] == []
    assert seen["modules"] == []


def test_it_has_no_library_under_the_gpl(seen: Any) -> None:
    assert seen["libraries"]
    assert [library for library in seen["libraries"] if GPL_LIBRARIES.search(library)] == []
    assert {name: said for name, said in seen["licences"].items() if GPL.search(said)} == {}


def test_what_is_under_the_gpl_would_be_found() -> None:
    for library in ("numpy.libs/libx264-9d.so.164", "av.libs/libavcodec.so.62", "av/_core.abi3.so", "libx265.so.215"):
        assert GPL_LIBRARIES.search(f"/opt/venv/lib/python3.13/site-packages/{library}"), library
    for licence in ("GPL-3.0-or-later", "License :: OSI Approved :: GNU General Public License v2 (GPLv2)"):
        assert GPL.search(licence), licence
    for licence in ("LGPL-2.1-or-later", "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"):
        assert not GPL.search(licence), licence


def test_it_keeps_nothing_of_what_the_build_was_given(seen: Any, engine: Engine, images: dict[str, Image]) -> None:
    assert seen["secrets"] == []
    told = set(pip_settings(pip_files(), {}).values()) | {os.environ.get(name, "") for name in PROXIES}
    for image in images.values():
        history = engine.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", image.image_id)
        made = history + engine.run("image", "inspect", image.image_id)
        # Then no address with a password, and none that pip or the environment names here, is in its history.
        assert not re.search(r"https?://[^/\s]*@", made)
        assert [value for value in told if value.startswith("http") and value in made] == []
        assert "BASE_IMAGE" not in engine.run("image", "inspect", "--format", "{{.Config.Env}}", image.image_id)


def test_a_function_that_takes_more_memory_ends_as_on_lambda(probes: Probes) -> None:
    with probes.in_image("light", Limits(memory_mb=128, ephemeral_mb=512)) as trial:
        # Given a call that fits
        assert trial.invoke({"eat_mb": 20}, limit_s=20).payload == 20 * 1024 * 1024
        # When the next one does not
        answer = trial.invoke({"eat_mb": 400}, limit_s=20)
    # Then the runtime is killed, and that is what the caller is told
    assert answer.error_type == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")


def test_a_function_that_takes_more_disk_is_told_so(probes: Probes) -> None:
    with probes.in_image("light", Limits(memory_mb=1024, ephemeral_mb=32)) as trial:
        assert trial.invoke({"fill_mb": 40}, limit_s=20).payload == "No space left on device"
        assert trial.invoke({"fill_mb": 20}, limit_s=20).payload == "it all fits"


def test_a_function_that_takes_too_long_is_told_so(probes: Probes) -> None:
    with probes.in_image("light", Limits(memory_mb=512, ephemeral_mb=512)) as trial:
        answer = trial.invoke({"sleep_s": 30}, limit_s=0.5)
    assert answer.error_type == "Sandbox.Timedout"
    assert answer.payload["errorMessage"] == "Task timed out after 0.50 seconds"


def test_a_handler_that_is_not_there_is_named(engine: Engine, images: dict[str, Image]) -> None:
    from tonearm_local.images.trial import Trial

    trial = Trial(engine, images["light"].image_id, Limits(256, 512), handler="functions.gone.handler.handler")
    with pytest.raises(InitError, match=r"Runtime\.ImportModuleError: .*functions\.gone"), trial:
        pass


def test_nothing_is_left_of_a_trial(engine: Engine, probes: Probes) -> None:
    with probes.in_image("light", Limits(256, 512)):
        assert len(engine.containers(f"{STACK_LABEL}=trial")) == 2
    assert engine.containers(f"{STACK_LABEL}=trial") == []
