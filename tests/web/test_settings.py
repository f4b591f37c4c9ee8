"""What needs neither Gradio nor a browser: the form from the options, the door, sessions, the line of runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from softextend.errors import BadPicture, BadRequest, OutOfMemory
from softextend.finish.scores import Scores
from softextend.interrupt import check
from softextend.options import GROUP_OF
from softextend.web import form, sessions, words
from softextend.web.guard import Guard, host_name
from softextend.web.runs import MOST_WAITING, Run, Runner, Watcher
from softextend.web.sessions import RESTARTED, Node, Session, Sessions, root_of, safe_name


def test_the_form_has_every_option_of_the_request() -> None:
    found = {each["name"]: each for each in form.describe()}
    assert GROUP_OF.keys() <= found.keys()
    assert found["steps"]["range"] == "from 1 to 1000"
    assert found["overlap"]["unit"] == "px"
    assert "euler" in found["sampler"]["choices"]
    assert found["strength"]["help"].startswith("Denoising strength")
    assert not found["overlap"]["paints"]


def test_settings_are_read_by_their_options_types() -> None:
    given = {"sides": "0 25% 0 8", "steps": "30", "strength": 0.5, "prompt": "", "seed": None, "color_match": False}
    read = form.read_settings(given)
    assert read == {
        "sides": "0 25% 0 8",
        "steps": 30,
        "strength": 0.5,
        "prompt": "",
        "color_match": False,
        "model": "self",
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"steps": 1.5}, "--steps 1.5: must be a whole number from 1 to 1000"),
        ({"steps": True}, "--steps True"),
        ({"strength": "much"}, "--strength 'much': must be a number from 0 to 1"),
        ({"color_match": 1}, "must be true or false"),
        ({"prompt": {}}, "must be text"),
        ({"keep_all": True}, "no such option here"),
        ({"model": "other/model"}, "not among those"),
        ([], "JSON object"),
    ],
)
def test_what_cannot_be_read_is_refused(given: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        form.read_settings(given)


def test_a_repaint_takes_no_growth() -> None:
    with pytest.raises(BadRequest, match="sides"):
        form.read_settings({"sides": "8"}, painting=True)
    assert form.read_settings({"seed": 1}, painting=True)["seed"] == 1


def scores(**values: float) -> Scores:
    fine = {"colour_step": 1, "gradient_step": 1, "line": 1, "texture": 1, "leftover": 0, "twins": 0}
    return Scores(**{**fine, "flat": 0, "broken": 0, "total": 0.9, **values})  # type: ignore[arg-type]


def test_scores_become_words() -> None:
    assert words.verdict(scores()) == "Good seam (seam score 0.90 of 1): no seam, no fill shows."
    assert "the old border can be seen" in words.verdict(scores(colour_step=3, total=0.4))
    assert "the fill shows through" in words.verdict(scores(leftover=0.8, total=0.5))
    assert "black" not in words.verdict(scores(broken=0.001))


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--host ::1", "host", "::1"),
        ("--port 7", "port", 7),
        ("--auth ann:secret", "auth", "ann:secret"),
        ("--no-browser", "browser", False),
        ("--max-upload 3", "max_upload", 3 * 2**20),
        ("--work-dir elsewhere", "work_dir", Path("elsewhere")),
        ("photos", "folder", Path("photos")),
    ],
)
def test_every_option_of_the_command_reaches_the_server(
    run: Any, monkeypatch: pytest.MonkeyPatch, words: str, name: str, value: Any
) -> None:
    heard: dict[str, Any] = {}

    def stand_in(studio: Any, **options: Any) -> None:
        heard.update(options, max_upload=studio.max_upload, folder=studio.folder, work_dir=studio.sessions.home)
        options["tell"]("http://127.0.0.1:7/")
        studio.close()

    monkeypatch.setattr("softextend.web.serve.serve", stand_in)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    Path("photos").mkdir()
    ran = run("ui", *words.split())
    assert (ran.code, ran.out) == (0, "http://127.0.0.1:7/\n")
    assert heard[name] == value
    assert run("ui", "--json", *words.split()).facts == [{"address": "http://127.0.0.1:7/"}]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--host 0.0.0.0", "others can reach this address: give --auth USER:PASSWORD too"),
        ("--auth ann", "must be USER:PASSWORD"),
        ("gone", "is no folder"),
        ("--port 70000", "from 0 to 65535"),
    ],
)
def test_a_door_that_cannot_be_is_refused(run: Any, monkeypatch: pytest.MonkeyPatch, words: str, says: str) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    ran = run("ui", *words.split())
    assert ran.code == 2
    assert says in ran.err


def test_without_gradio_the_command_says_what_to_install(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ran = run("ui")
    assert ran.code == 2
    assert "pip install 'softextend[ui]'" in ran.err


# --- the door --------------------------------------------------------------------------------------------------------


def refusal(method: str = "GET", path: str = "/", auth: str | None = None, **headers: str) -> int | None:
    guard = Guard(lambda *_: None, host="127.0.0.1", port=1, auth=auth, most=1000)  # type: ignore[arg-type, return-value]
    given = {"host": "127.0.0.1:1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    found = guard.refusal({"method": method, "path": path}, given)
    return found and found[0]


def test_the_door_lets_in_who_belongs() -> None:
    assert refusal() is None
    assert refusal(host="localhost:1") is None
    assert refusal(host="[::1]:1") is None
    assert refusal("POST", "/api/extend", origin="http://127.0.0.1:1") is None
    assert refusal("GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None
    assert refusal("GET", "/gradio/gradio_api/info") is None
    assert refusal(auth="a:b", authorization="Basic YTpi") is None


def test_the_door_keeps_out_who_does_not() -> None:
    assert refusal(host="evil.example:1") == 403
    assert refusal("POST", "/api/extend", origin="http://127.0.0.1:2") == 403
    assert refusal("POST", "/api/extend", origin="null") == 403
    assert refusal("GET", "/api/session", sec_fetch_site="cross-site", sec_fetch_mode="navigate") == 403
    assert refusal("GET", "/api/session", sec_fetch_site="same-site") == 403
    assert refusal("POST", "/api/photos", content_length="1001") == 413
    assert refusal("POST", "/api/photos", content_length="many") == 413
    assert refusal("GET", "/gradio/gradio_api/proxy=http://evil.example") == 404
    for wrong in ("", "Basic", "Basic %%%", "Basic YTpj", "Bearer YTpi"):
        assert refusal(auth="a:b", authorization=wrong) == 401


def test_names_of_hosts() -> None:
    assert [host_name(each) for each in ("a:1", "a", "[::1]:80", "")] == ["a", "a", "::1", ""]


# --- sessions --------------------------------------------------------------------------------------------------------


def test_names_are_safe_for_any_disk() -> None:
    assert safe_name("C:\\photos\\Été 2.JPG") == ("Été 2", ".jpg")
    assert safe_name("../../.bashrc.png") == ("bashrc", ".png")
    assert safe_name("<b>.png") == ("b", ".png")
    assert safe_name("pasted") == ("pasted", ".png")
    with pytest.raises(BadPicture, match="no picture's name"):
        safe_name("run.sh")


def filled(home: Sessions, token: str) -> Session:
    session = home.of(token)
    path = session.free_name("photo", ".png")
    path.write_bytes(b"x" * 100)
    session.add(Node(id=token, kind="photo", file=path.name, width=1, height=1))
    return session


def test_a_session_comes_back_and_its_folder_does_not_tell_its_token(tmp_path: Path) -> None:
    filled(Sessions(tmp_path), "secret")
    again = Sessions(tmp_path).of("secret")
    assert again.node("secret").file == "photo.png"
    assert again.free_name("photo", ".png").name == "photo-2.png"
    assert all("secret" not in each.name for each in tmp_path.iterdir())
    with pytest.raises(BadRequest, match="not in this session"):
        Sessions(tmp_path).of("other").node("secret")


def test_old_and_too_many_sessions_go_the_busy_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Sessions(tmp_path)
    found = {name: filled(home, name) for name in ("a", "b", "c")}
    for age, name in enumerate(("c", "b", "a")):
        found[name].used = time.time() - 60 * age
    size = sessions.folder_size(found["a"].folder)
    monkeypatch.setattr(sessions, "ALL_BYTES", int(2.5 * size))
    home.sweep()
    assert [each.folder.exists() for each in found.values()] == [False, True, True]
    found["b"].used = time.time() - sessions.KEPT_SECONDS - 1
    home.sweep(frozenset([found["b"]]))
    assert found["b"].folder.exists()
    home.sweep()
    assert not found["b"].folder.exists()


def test_a_folder_is_measured_while_its_files_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "stays").write_bytes(b"x" * 100)
    over = threading.Event()

    def busy() -> None:
        while not over.is_set():
            for index in range(50):
                (tmp_path / f"{index}.tmp").touch()
            for index in range(50):
                (tmp_path / f"{index}.tmp").unlink()

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert {sessions.folder_size(tmp_path) for _ in range(100)} == {100}
    finally:
        over.set()
        thread.join()


def test_a_full_session_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = filled(Sessions(tmp_path), "a")
    session.check_room()
    monkeypatch.setattr(sessions, "SESSION_BYTES", 150)
    with pytest.raises(BadRequest, match="clear it"):
        session.check_room(100)


# --- runs ------------------------------------------------------------------------------------------------------------


def steady(run: Run, watcher: Watcher) -> None:
    watcher.begin(1)
    for step in range(1, 10_000):
        watcher.step(step, 10_000)
        time.sleep(0.002)


def failing(run: Run, watcher: Watcher) -> None:
    raise BadRequest(f"{run.session.folder}/photo.png: cannot be")


def test_runs_wait_in_line_stop_and_fail_one_by_one(tmp_path: Path) -> None:
    runner, session = Runner(), Session(tmp_path / "a")
    made = [Run(session=session, kind="extend", work=work) for work in (steady, steady, failing)]
    for run in made:
        runner.submit(run)
    while not made[0].done:
        time.sleep(0.002)
    assert [runner.place(run) for run in made] == [0, 1, 2]
    runner.cancel(made[1])
    runner.cancel(made[0])
    assert made[0].message in ("", f"Stopping; waits for {made[0].awaited()}"), "or it is over already"
    runner.wait(made[2], 20)
    assert [run.state for run in made] == ["cancelled", "cancelled", "failed"]
    assert made[2].error == "photo.png: cannot be", "no folder of the server is told"
    with pytest.raises(BadRequest, match="not in this session"):
        runner.find(Session(tmp_path / "b"), made[0].id)
    runner.close()
    assert not [each for each in threading.enumerate() if each is runner.thread]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "out of memory; use a smaller picture"),
        (
            RuntimeError("[enforce fail] cpu: can't allocate memory: you tried 9 bytes"),
            "out of memory;",
        ),
        (OutOfMemory("big ran out of memory at its leanest setting: use a smaller picture"), "leanest setting"),
        (ValueError("x" * 10_000), "ValueError: xxx"),
        (OSError(28, "No space left on device", "out.png"), "out.png: No space left on device"),
    ],
)
def test_what_does_not_fit_is_said_and_the_next_run_goes_on(tmp_path: Path, error: Exception, says: str) -> None:
    def does_not_fit(run: Run, watcher: Watcher) -> None:
        raise error

    runner, session = Runner(), Session(tmp_path / "a")
    broken = runner.submit(Run(session=session, kind="extend", work=does_not_fit))
    after = runner.submit(Run(session=session, kind="extend", work=lambda run, watcher: None))
    runner.wait(after, 20)
    runner.close()
    assert (broken.state, after.state) == ("failed", "done")
    assert says in broken.error
    assert len(broken.error) < 700


@pytest.mark.parametrize(
    ("done", "total", "says"),
    [(0, 0, "read of the model, or painted of the fill"), (3, 20, "step 4 of 20"), (20, 20, "joining and scoring")],
)
def test_a_run_that_shall_stop_says_what_it_waits_for(tmp_path: Path, done: int, total: int, says: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def long(run: Run, watcher: Watcher) -> None:
        watcher.begin(1)
        if total:
            watcher.step(done, total)
        begun.set()
        assert go_on.wait(20)
        check()

    runner = Runner()
    run = runner.submit(Run(session=Session(tmp_path / "a"), kind="extend", work=long))
    assert begun.wait(20)
    runner.cancel(run)
    assert run.message.startswith("Stopping; waits for")
    assert says in run.message
    go_on.set()
    runner.wait(run, 20)
    assert run.state == "cancelled"
    runner.close()


def test_a_model_that_takes_anothers_place_is_said(tmp_path: Path) -> None:
    run, loaded = Run(session=Session(tmp_path), kind="extend", work=steady), []
    Watcher(run, loaded).using("self")
    assert run.message == "Loading self"
    Watcher(run, loaded).using("big")
    assert run.message == "Loading big: self leaves the memory"
    run.message = ""
    Watcher(run, loaded).using("big")
    assert run.message == "", "it is there"


def test_names_do_not_grow_with_each_step() -> None:
    assert [root_of(each) for each in ("a-extended", "a-extended-2-painted", "a-2", "-extended")] == [
        "a",
        "a",
        "a-2",
        "-extended",
    ]


def test_a_run_that_the_server_ends_says_so(tmp_path: Path) -> None:
    runner, session = Runner(), Session(tmp_path / "a")
    run = runner.submit(Run(session=session, kind="extend", work=steady))
    while not run.done:
        time.sleep(0.002)
    runner.close()
    assert (run.state, run.error) == ("failed", RESTARTED)


def test_too_many_runs_are_refused(tmp_path: Path) -> None:
    runner, session = Runner(), Session(tmp_path / "a")
    for _ in range(MOST_WAITING):
        runner.submit(Run(session=session, kind="extend", work=steady))
    while runner.current is None:
        time.sleep(0.002)
    runner.submit(Run(session=session, kind="extend", work=steady))
    with pytest.raises(BadRequest, match="runs are waiting"):
        runner.submit(Run(session=session, kind="extend", work=steady))
    runner.close()
