"""Pictures in stores: S3 on loopback with its faults, HTTP, and nothing secret in what is written or said."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from running import Run, photo
from storing import BUCKET, KEYS, Faults, s3, web

from softextend.pictures import stores
from softextend.pictures.address import Address, place, without_secrets

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5)
WIDE = f"s3://{BUCKET}/wide"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Faults, Any]]:
    monkeypatch.setattr(stores, "PAUSE", 0.01)
    with s3(monkeypatch) as found:
        yield found


def put(client: Any, *names: str) -> None:
    """Small photos in the bucket."""
    for index, name in enumerate(names):
        buffer = io.BytesIO()
        photo("x.png", 48 + index).save(buffer, "PNG")
        client.put_object(Bucket=BUCKET, Key=name, Body=buffer.getvalue())


def keys(client: Any) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def got(client: Any, key: str) -> Image.Image:
    return Image.open(io.BytesIO(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()))


def test_files_folders_globs_and_lists(run: Run, bucket: tuple[Faults, Any]) -> None:
    _, client = bucket
    put(client, "in/a.png", "in/b.png", "in/deep/c.png", "in/notes.txt", "in/deep/er/d.png")
    for given, made in (
        (("in/a.png",), ["a"]),
        (("in",), ["a", "b"]),
        (("in/",), ["a", "b"]),
        (("in/*.png",), ["a", "b"]),
        (("in/**/*.png",), ["a", "b", "deep/c", "deep/er/d"]),
    ):
        ran = run("extend", *(f"s3://{BUCKET}/{each}" for each in given), *SIDES, "--out-dir", WIDE, "--overwrite")
        assert (ran.code, sorted(ran.lines)) == (0, [f"{WIDE}/{each}-extended.png" for each in made]), ran.err
    Path("list").write_text(f"s3://{BUCKET}/in/b.png\ns3://{BUCKET}/in/gone.png\nlocal.png\n")
    photo("local.png")
    ran = run("extend", "--files-from", "list", *SIDES, "--out-dir", "here")
    assert (ran.code, sorted(ran.lines)) == (1, ["here/b-extended.png", "here/local-extended.png"])
    assert f"s3://{BUCKET}/in/gone.png: no such file" in ran.err
    ran = run("extend", "local.png", *SIDES, "-o", f"s3://{BUCKET}/o/x.jpg")
    assert got(client, "o/x.jpg").size == (64, 40)


def test_results_are_those_of_files(run: Run, bucket: tuple[Faults, Any]) -> None:
    _, client = bucket
    put(client, "a.png")
    Path("a.png").write_bytes(client.get_object(Bucket=BUCKET, Key="a.png")["Body"].read())
    run("extend", "a.png", *SIDES)
    run("extend", f"s3://{BUCKET}/a.png", *SIDES)
    stored = got(client, "a-extended.png")
    with Image.open("a-extended.png") as local:
        assert stored.tobytes() == local.tobytes()
    command = json.loads(stored.text["softextend"])["command"]  # type: ignore[attr-defined]
    assert command["input"] == f"s3://{BUCKET}/a.png"


def test_what_exists_is_found_by_one_listing(run: Run, bucket: tuple[Faults, Any]) -> None:
    faults, client = bucket
    names = [f"in/{index:02d}.png" for index in range(12)]
    put(client, *names)
    words = ("extend", f"s3://{BUCKET}/in", *SIDES, "--out-dir", WIDE)
    assert run(*words).code == 0
    clash = run(*words)
    assert (clash.code, clash.out) == (1, "")
    assert "exists already" in clash.err
    client.delete_object(Bucket=BUCKET, Key="wide/03-extended.png")
    faults.seen.clear()
    ran = run(*words, "--skip-existing")
    assert (ran.code, ran.lines) == (0, [f"{WIDE}/03-extended.png"])
    assert sum(faults.seen.values()) < 12


def test_faults_of_a_store_are_waited_out(run: Run, bucket: tuple[Faults, Any]) -> None:
    faults, client = bucket
    names = [f"in/{index}.png" for index in range(5)]
    put(client, *names)
    faults.failing, faults.slow, faults.delay = 3, 5, 0.3
    ran = run("extend", f"s3://{BUCKET}/in", *SIDES, "--out-dir", WIDE)
    faults.failing = 0
    assert ran.code == 0, ran.err
    assert [each for each in keys(client) if each.startswith("wide")] == [f"wide/{i}-extended.png" for i in range(5)]
    for index in range(5):
        got(client, f"wide/{index}-extended.png").load()


def test_an_upload_whose_answer_is_lost_is_no_clash(run: Run, bucket: tuple[Faults, Any]) -> None:
    faults, client = bucket
    photo("a.png")
    faults.failing, faults.lost = 2, True
    ran = run("extend", "a.png", *SIDES, "--out-dir", WIDE)
    faults.failing = 0
    assert ran.code == 0, ran.err
    got(client, "wide/a-extended.png").load()


def test_a_store_that_never_answers_well_is_that_pictures_error(run: Run, bucket: tuple[Faults, Any]) -> None:
    faults, client = bucket
    put(client, "a.png")
    photo("b.png")
    faults.failing = 1
    ran = run("extend", f"s3://{BUCKET}/a.png", "b.png", *SIDES, "--out-dir", "here")
    assert (ran.code, ran.lines) == (1, ["here/b-extended.png"])
    assert ran.err.count("softextend: ") == 1
    assert "Traceback" not in ran.err


def test_pictures_over_http_with_nothing_secret_said(run: Run, tmp_path: Path) -> None:
    photo("site/a.png")
    Path("site/b.png").write_bytes(b"no picture")
    with web(tmp_path / "site") as root:
        signed = root.replace("://", "://eva:secret1@") + "/a.png?X-Amz-Signature=secret2&id=7"
        damaged = f"{root}/b.png?token=secret3"
        gone = f"{root}/c.png?token=secret4"
        words = (signed, damaged, gone, *SIDES, "--out-dir", "w", "--json", "-v", "--report", "r.jsonl")
        ran = run("extend", *words)
        assert ran.code == 1
        assert [Path(each["output"]).name for each in ran.facts if each["output"]] == ["a-extended.png"]
        assert "c.png?...: no such file" in ran.err
        refused = run("extend", signed, *SIDES)
        assert refused.code == 2
        assert "--out-dir" in refused.err
        dry = run("extend", signed, *SIDES, "--dry-run", "-v")
        folder = run("extend", root + "/", *SIDES, "--out-dir", "v")
        assert folder.lines == ["v/a-extended.png"]
    said = [ran.out, ran.err, refused.err, dry.out, dry.err, Path("r.jsonl").read_text()]
    said.append(Path("w/a-extended.png").read_bytes().decode("latin-1"))
    assert not [each for each in said if "secret" in each]


def test_keys_in_the_environment_are_written_nowhere(run: Run, bucket: tuple[Faults, Any]) -> None:
    _, client = bucket
    put(client, "a.png")
    ran = run("extend", f"s3://{BUCKET}/a.png", f"s3://{BUCKET}/gone.png", *SIDES, "--json", "-v", "--report", "r.csv")
    made = client.get_object(Bucket=BUCKET, Key="a-extended.png")["Body"].read().decode("latin-1")
    for text in (ran.out, ran.err, Path("r.csv").read_text(), made):
        assert not any(key in text for key in (KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("s3://KEYKEY:SECRET@bucket/a.png",), "keys in an address"),
        (("a.png", "--out-dir", "s3://KEYKEY:SECRET@bucket/w"), "keys in an address"),
        (("a.png", "--out-dir", "https://example.org/w"), "nothing can be written to https://"),
        (("a.png", "--save-steps", "s3://bucket/steps"), "must lie on this machine"),
        (("s3://",), "names no bucket"),
    ],
)
def test_addresses_that_cannot_be(run: Run, words: tuple[str, ...], said: str) -> None:
    photo("a.png")
    ran = run("extend", *words, *SIDES)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert not any(secret in ran.err for secret in ("KEYKEY", "SECRET"))
    assert sorted(each.name for each in Path().iterdir()) == ["a.png"]


def test_an_address_goes_like_a_path() -> None:
    there = place("s3://bucket/a/b.tar.png")
    assert isinstance(there, Address)
    assert (there.name, there.stem, there.suffix) == ("b.tar.png", "b.tar", ".png")
    assert str(there.parent / "c" / "d.png") == "s3://bucket/a/c/d.png"
    assert [str(each) for each in there.parents] == ["s3://bucket/a", "s3://bucket"]
    assert str(there.with_name("x.png")) == "s3://bucket/a/x.png"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://u:p@h/a.png?sig=1 and more", "see https://h/a.png?... and more"),
        ("url='http://token@h:80/x?y'", "url='http://h:80/x?...'"),
        ("abfs://box@account.dfs.core.windows.net/a.png", "abfs://box@account.dfs.core.windows.net/a.png"),
        ("what?", "what?"),
    ],
)
def test_secrets_are_taken_out_of_any_text(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
