"""The page in a real browser, on the applied stack, as a singer with a phone uses it.

`TONEARM_SCREENSHOTS=folder` keeps a picture of every state.
"""

import base64
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, Route, expect, sync_playwright

from tests.support.page_tools import installed_tools
from tests.support.person import PASSWORD, wait_until
from tests.support.recordings import record
from tonearm_cli.demo_song import compose_demo_song
from tonearm_local.stack import Outputs

pytestmark = pytest.mark.stack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
# Root has no sandbox, and a machine that reaches nothing is not to be asked for anything.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream"),
    *("--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"),
]
SCREENSHOTS = os.environ.get("TONEARM_SCREENSHOTS")
PATIENCE_MS = 90_000
ENDED = "article[data-status=succeeded], article[data-status=failed]"
# Puts what the browser refuses into the console, where the tests look.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`policy: ${violatedDirective} forbids ${blockedURI}`));
"""


@dataclass
class Visitor:
    """Somebody at the page, and what their browser complained about."""

    page: Page
    url: str
    email: str = field(default_factory=lambda: f"visitor-{secrets.token_hex(6)}@example.com")
    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    expected: set[str] = field(default_factory=set)

    def opens(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    def signs_up(self) -> None:
        self.opens()
        self.page.get_by_role("button", name="Sign up").click()
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign up").click()
        # The emulator always mails the same code.
        self.page.get_by_label("Code").fill("123456")
        self.page.get_by_role("button", name="Confirm", exact=True).click()
        self.sees(self.page.get_by_role("heading", name="New track"))

    def logs_in(self, password: str = PASSWORD) -> None:
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def sees(self, what: Locator) -> Locator:
        expect(what).to_be_visible(timeout=PATIENCE_MS)
        return what

    def waits_for_the_end(self) -> Locator:
        return self.sees(self.page.locator(ENDED))

    def is_told(self) -> tuple[str, str]:
        """What stands in the note of a problem: all of it, and its code."""
        note = self.sees(self.page.locator(".problem"))
        return note.inner_text(), note.locator("code").inner_text()

    def looks(self, name: str) -> None:
        """Look at the page: nothing is out of sight at the side, nothing shuts anybody out."""
        page = self.page
        assert page.viewport_size is not None
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], f"{name} is {width} px wide"
        page.evaluate((installed_tools() / "axe-core" / "axe.min.js").read_text())
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], name
        if SCREENSHOTS:
            page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    def token(self) -> str:
        """The access token of this tab's session."""
        stored: dict[str, str] = self.page.evaluate("({ ...sessionStorage })")
        return next(value for name, value in stored.items() if name.endswith(".accessToken"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("neither chromium nor google-chrome is installed: the page cannot be tried")
    driver: Playwright
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def visitor_in(context: BrowserContext, stack: Outputs) -> Visitor:
    context.add_init_script(TELL_VIOLATIONS)
    visitor = Visitor(context.new_page(), stack.edge_url)

    def heard(message: Any) -> None:
        # The page asks for the job of an upload until there is one.
        url = message.location["url"]
        waits = "404" in message.text and re.search(r"/v1/jobs/job_\w+$", url) and url not in visitor.found
        if message.type == "error" and not waits:
            visitor.complaints.append(message.text)

    visitor.page.on("console", heard)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on("response", lambda answer: visitor.found.update({answer.url} if answer.ok else ()))
    visitor.page.on("request", lambda request: visitor.asked.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))
    return visitor


def unexpected(visitor: Visitor) -> list[str]:
    """Complaints but for those of answers that the test asked for: a browser reports every 4xx."""
    return [said for said in visitor.complaints if not any(expected in said for expected in visitor.expected)]


SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1100, "height": 800}},
    "dark": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "dark", "reduced_motion": "reduce"},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}


@pytest.fixture
def visitor(browser: Browser, stack: Outputs, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Given a visitor on a desktop, or on the screen that the test names."""
    with browser.new_context(**SCREENS[getattr(request, "param", "desktop")]) as context:
        visitor = visitor_in(context, stack)
        yield visitor
        assert unexpected(visitor) == []
        assert visitor.asked <= {stack.edge_url, stack.endpoint_url}, "the page asked somebody else"


@pytest.fixture
def singer(visitor: Visitor) -> Visitor:
    """Given somebody who has just signed up and in."""
    visitor.signs_up()
    return visitor


@pytest.fixture(scope="module")
def long_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given a song that is soon uploaded, and whose work takes long enough to be watched on a busy machine too."""
    folder = tmp_path_factory.mktemp("long")
    compose_demo_song(folder / "song.wav", duration_s=180.0, tempo_bpm=120.0, seed=7)
    samples, sample_rate_hz = soundfile.read(folder / "song.wav", dtype="float32")
    soundfile.write(folder / "song.mp3", samples, sample_rate_hz)
    return folder / "song.mp3"


def test_a_song_goes_from_the_page_to_a_download(singer: Visitor, stack: Outputs, long_song: Path) -> None:
    page = singer.page
    # When it is dropped, with a recipe
    drop(page, long_song)
    page.get_by_role("slider", name="Tempo").fill("1.25")
    page.get_by_role("slider", name="Pitch").fill("2")
    singer.looks("desktop-chosen")
    page.get_by_role("button", name="Upload and render").click()
    # Then its stages are watched
    singer.sees(page.get_by_role("progressbar", name=re.compile("Progress of 1.25 × tempo")))
    singer.looks("desktop-running")
    job = singer.waits_for_the_end()
    assert job.get_attribute("data-status") == "succeeded"
    # And its waveform is drawn
    player = singer.sees(job.get_by_role("group", name="render of song"))
    singer.sees(player.locator("canvas").first)
    wait_until("its waveform is drawn", lambda: drawn_pixels(player) > 1000)
    # And it plays: the clock runs, by keyboard too
    singer.sees(player.get_by_role("button", name="Play")).focus()
    page.keyboard.press("Enter")
    wait_until("the audio plays", lambda: played_s(player) > 0.3)
    player.get_by_role("button", name="Pause").click()
    player.get_by_role("slider", name=re.compile("Position")).fill("3")
    assert played_s(player) == pytest.approx(3, abs=0.1)
    # And its certificate can be read
    page.get_by_text("promises kept").click()
    assert singer.sees(page.get_by_role("row", name=re.compile("^Pitch"))).inner_text().endswith("yes")
    singer.looks("desktop-done")
    # And the download is what the API gives
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("Download MP3")).click()
    assert started.value.suggested_filename == "song.mp3"
    http = httpx.Client(base_url=stack.api_url, headers={"Authorization": f"Bearer {singer.token()}"}, timeout=30)
    track_id = page.url.rsplit("/", 1)[1]
    job_id = http.get("/jobs", params={"track_id": track_id}).json()["jobs"][0]["job_id"]
    link = http.get(f"/jobs/{job_id}/downloads").json()["render"]["url"]
    assert Path(started.value.path()).read_bytes() == httpx.get(link, timeout=30).content
    # And what was measured stands above it
    figures = page.locator(".figures").inner_text()
    tempo = re.search(r"([\d.]+) BPM", figures)
    assert tempo is not None
    assert float(tempo[1]) == pytest.approx(120, abs=0.5)
    key = http.get(f"/tracks/{track_id}/analysis").json()["key"]
    assert re.search(rf"Key\s+{key['tonic'][0]}[♭♯]? {key['mode']}", figures)


def test_the_session_outlives_a_reload_and_ends_with_a_sign_out(singer: Visitor) -> None:
    page = singer.page
    page.reload()
    singer.sees(page.get_by_role("heading", name="Your tracks"))
    assert page.evaluate("localStorage.length") == 0
    page.get_by_role("button", name="Sign out").click()
    singer.sees(page.get_by_text("You are signed out."))
    assert page.evaluate("Object.keys(sessionStorage).filter((name) => name.endsWith('Token'))") == []
    page.reload()
    singer.sees(page.get_by_role("heading", name="Log in"))
    singer.logs_in()
    singer.sees(page.get_by_role("heading", name="Your tracks"))


def test_a_wrong_password_and_a_wrong_code_are_told_in_words(visitor: Visitor) -> None:
    visitor.expected |= {"400 (Bad Request)"}
    page = visitor.page
    visitor.opens()
    visitor.sees(page.get_by_role("heading", name="Log in"))
    visitor.looks("desktop-log-in")
    visitor.logs_in("Wrong-horse-8-staple")
    assert visitor.is_told()[0].startswith("The e-mail address or the password is wrong.")
    visitor.looks("desktop-wrong-password")
    # A weak password is not even sent
    page.get_by_role("button", name="Sign up").click()
    page.get_by_label("Password").fill("weak")
    page.get_by_role("button", name="Sign up").click()
    assert "12 characters" in page.get_by_label("Password").evaluate("field => field.validationMessage")
    visitor.looks("desktop-sign-up")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Confirm", exact=True).click()
    assert visitor.is_told() == (visitor.is_told()[0], "sign_in.CodeMismatchException")
    visitor.looks("desktop-confirm")


def test_a_forgotten_password_is_replaced(singer: Visitor) -> None:
    page = singer.page
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Forgotten password").click()
    page.get_by_label("E-mail address").fill(singer.email)
    page.get_by_role("button", name="Send me a code").click()
    # The emulator always mails the same code.
    page.get_by_label("Code").fill("654321")
    page.get_by_label("Password").fill(f"{PASSWORD}-2")
    singer.looks("desktop-new-password")
    page.get_by_role("button", name="Choose a new password").click()
    singer.sees(page.get_by_role("heading", name="Your tracks"))


def test_rubbish_is_rejected_with_code_reason_and_mend(singer: Visitor, tmp_path: Path) -> None:
    rubbish = tmp_path / "cover.mp3"
    rubbish.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    page = singer.page
    page.locator("input[type=file]").set_input_files(rubbish)
    page.get_by_role("button", name="Upload and analyse").click()
    assert singer.waits_for_the_end().get_attribute("data-status") == "failed"
    text, code = singer.is_told()
    assert code == "track.not_audio"
    assert text.startswith("This file was rejected")
    singer.looks("desktop-rejected")


def test_a_file_that_is_too_large_or_empty_is_not_sent(singer: Visitor, tmp_path: Path) -> None:
    singer.expected |= {"413 (Content Too Large)", "413 (Request Entity Too Large)", "413 ()", "status of 413"}
    page = singer.page
    huge = tmp_path / "huge.wav"
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    page.locator("input[type=file]").set_input_files(huge)
    page.get_by_role("button", name="Upload and analyse").click()
    text, code = singer.is_told()
    assert code == "track.too_large"
    assert "200.0 MB" in text
    singer.looks("desktop-too-large")
    (tmp_path / "empty.wav").touch()
    page.locator("input[type=file]").set_input_files(tmp_path / "empty.wav")
    page.get_by_role("button", name="Upload and analyse").click()
    singer.sees(page.get_by_text("empty.wav is empty."))


@pytest.mark.parametrize("kind", ["iphone aac", "iphone alac", "safari mp4", "chrome webm", "firefox ogg"])
def test_what_a_phone_recorded_goes_from_the_page_to_a_download(singer: Visitor, tmp_path: Path, kind: str) -> None:
    recording, _ = record(tmp_path, kind, seconds=4)
    page = singer.page
    page.locator("input[type=file]").set_input_files(recording)
    page.get_by_role("slider", name="Tempo").fill("1.1")
    page.get_by_role("switch", name=re.compile("8D")).check()
    page.get_by_role("button", name="Upload and render").click()
    job = singer.waits_for_the_end()
    assert job.get_attribute("data-status") == "succeeded", job.inner_text()
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("Download MP3")).click()
    assert started.value.suggested_filename == f"{recording.stem}.mp3"
    assert soundfile.info(started.value.path()).duration == pytest.approx(4 / 1.1, abs=0.002)


def test_a_recording_from_the_microphone_is_a_file_like_any_other(singer: Visitor) -> None:
    """The browser's own WebM with Opus, as Android phones record."""
    page = singer.page
    page.get_by_role("button", name="Record with the microphone").click()
    singer.sees(page.get_by_role("button", name=re.compile("Stop recording 0:0[3-9]"))).click()
    singer.sees(page.get_by_text(re.compile(r"Recording .*\.webm")))
    page.get_by_role("slider", name="Pitch").fill("-2")
    page.get_by_role("button", name="Upload and render").click()
    job = singer.waits_for_the_end()
    assert job.get_attribute("data-status") == "succeeded", job.inner_text()
    singer.sees(job.locator("canvas").first)


def test_another_render_of_a_track_and_its_end(singer: Visitor, song: Path) -> None:
    page = singer.page
    # Given a track that was analysed only: it is there to see, to hear and to take
    page.locator("input[type=file]").set_input_files(song)
    page.get_by_role("button", name="Upload and analyse").click()
    singer.waits_for_the_end()
    singer.sees(page.locator("canvas").first)
    singer.sees(page.get_by_role("button", name="Play"))
    singer.sees(page.get_by_role("link", name="Download the original"))
    # When it is rendered in 8D
    page.get_by_text("Another render").click()
    page.get_by_role("switch", name=re.compile("8D")).check()
    page.get_by_role("slider", name="Room").fill("0.5")
    page.get_by_label("Format").select_option("ogg")
    singer.looks("desktop-another")
    page.get_by_role("button", name="Render", exact=True).click()
    job = page.get_by_role("article").filter(has_text="8D → OGG")
    singer.sees(job.locator("xpath=self::*[@data-status='succeeded' or @data-status='failed']"))
    assert job.get_attribute("data-status") == "succeeded", job.inner_text()
    singer.sees(page.get_by_role("link", name=re.compile("Download OGG")))
    # And when it is deleted, nothing of it is left in the list
    page.get_by_role("button", name="Delete this track").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    singer.sees(page.get_by_text("None yet."))


def test_a_track_whose_render_is_on_its_way_keeps_the_original_aside(singer: Visitor, song: Path) -> None:
    page = singer.page
    page.locator("input[type=file]").set_input_files(song)
    page.get_by_role("slider", name="Tempo").fill("1.25")
    page.get_by_role("button", name="Upload and render").click()
    assert singer.waits_for_the_end().get_attribute("data-status") == "succeeded"
    # Given a list of jobs that lags behind, as an index may
    page.route("**/v1/jobs?*", as_amid_the_render)
    # When the page is opened
    page.reload()
    # Then the render is what there is to hear
    singer.sees(page.get_by_role("group", name="render of").get_by_role("button", name="Play"))
    original = page.get_by_role("group").filter(has=page.get_by_text("Original", exact=True))
    assert original.get_attribute("open") is None
    # And the original when it is asked for
    page.get_by_text("Original", exact=True).click()
    singer.sees(original.get_by_role("button", name="Play"))
    singer.looks("desktop-both")
    page.unroute_all(behavior="wait")


@pytest.mark.parametrize("visitor", ["phone", "dark"], indirect=True)
def test_every_state_fits_a_phone_and_the_dark(
    visitor: Visitor, long_song: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    screen = request.node.callspec.params["visitor"]
    page = visitor.page
    visitor.opens()
    visitor.sees(page.get_by_role("heading", name="Log in"))
    visitor.looks(f"{screen}-log-in")
    page.get_by_role("button", name="Sign up").click()
    visitor.sees(page.get_by_role("heading", name="Sign up"))
    visitor.looks(f"{screen}-sign-up")
    visitor.signs_up()
    long_name = tmp_path / f"{'a-very-long-name-' * 8}.mp3"
    shutil.copy(long_song, long_name)
    page.locator("input[type=file]").set_input_files(long_name)
    page.get_by_role("switch", name=re.compile("8D")).check()
    visitor.looks(f"{screen}-chosen")
    page.get_by_role("switch", name=re.compile("8D")).uncheck()
    page.get_by_role("slider", name="Tempo").fill("0.8")
    page.get_by_role("button", name="Upload and render").click()
    visitor.sees(page.get_by_role("progressbar", name=re.compile("Progress of")))
    visitor.looks(f"{screen}-running")
    job = visitor.waits_for_the_end()
    visitor.sees(job.locator("canvas").first)
    page.get_by_text("promises kept").click()
    visitor.looks(f"{screen}-done")
    page.get_by_role("link", name="All tracks").click()
    visitor.sees(page.locator(".tracks li"))
    visitor.looks(f"{screen}-tracks")


def test_a_place_that_does_not_exist_is_told_by_the_page(visitor: Visitor) -> None:
    visitor.expected |= {"404 (Not Found)"}
    visitor.signs_up()
    visitor.opens("/tracks/trk_00000000000000000000000000")
    assert visitor.is_told()[1] == "track.not_found"
    visitor.opens("/nowhere")
    visitor.sees(visitor.page.get_by_role("heading", name="There is no such place"))


def drop(page: Page, file: Path) -> None:
    """Drop a file as a file manager does."""
    page.evaluate(
        """async ([name, url]) => {
            const bytes = Uint8Array.from(atob(url), (letter) => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name, { type: "audio/mpeg" }));
            for (const kind of ["dragover", "drop"])
                document.querySelector(".drop").dispatchEvent(
                    new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        [file.name, base64.b64encode(file.read_bytes()).decode()],
    )


def as_amid_the_render(route: Route) -> None:
    answer = route.fetch()
    jobs = [job | {"status": "running", "stage": "transform", "render": None} for job in answer.json()["jobs"]]
    route.fulfill(response=answer, json={**answer.json(), "jobs": jobs})


def played_s(player: Locator) -> float:
    return float(player.locator("audio").evaluate("audio => audio.currentTime"))


def drawn_pixels(player: Locator) -> int:
    """How many pixels of the waveform are not empty."""
    return int(
        player.locator(".waves").evaluate(
            """waves => [...waves.firstElementChild.shadowRoot.querySelectorAll("canvas")]
                .map((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data)
                .reduce((sum, data) => sum + data.filter((value, index) => index % 4 === 3 && value > 0).length, 0)"""
        )
    )
