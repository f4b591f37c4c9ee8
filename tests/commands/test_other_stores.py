"""Pictures in Google's and Azure's stores and of Hugging Face's hub, by emulators on loopback."""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hubbing import REPO, hub
from PIL import Image
from processes import wait_for
from running import Run, photo

from softextend.errors import AlreadyExists, OutputError
from softextend.pictures import stores
from softextend.pictures.address import Address

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5)
BUCKET = "photos"
# What Azure's emulator is called and signs with, as its documentation says.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def answers(port: int) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = pytest.importorskip("gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed")
    gcsfs = pytest.importorskip("gcsfs", reason="the extra `cloud` is not installed")
    running = server.create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    running.start()
    wait_for(lambda: running._api._httpd is not None)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{running._api._httpd.server_port}")
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # else it looks for a machine of Google's
    gcsfs.GCSFileSystem.clear_instance_cache()
    yield "gs"
    gcsfs.GCSFileSystem.clear_instance_cache()
    running.stop()


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    adlfs = pytest.importorskip("adlfs", reason="the extra `cloud` is not installed")
    if not (azurite := shutil.which("azurite-blob")):
        pytest.skip("azurite-blob (npm install -g azurite) is not on the PATH")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    words = [azurite, "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", str(port)]
    words += ["--location", str(tmp_path_factory.mktemp("azurite"))]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as running:
        wait_for(lambda: answers(port))
        end = f"http://127.0.0.1:{port}/{ACCOUNT}"
        whole = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={end};"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", whole)
        adlfs.AzureBlobFileSystem.clear_instance_cache()
        adlfs.AzureBlobFileSystem().mkdir(BUCKET)
        yield "az"
        running.kill()


@pytest.fixture(params=["google", "azure"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def put(scheme: str, *names: str) -> None:
    """Small photos in the bucket."""
    for index, name in enumerate(names):
        buffer = io.BytesIO()
        photo("x.png", 48 + index).save(buffer, "PNG")
        stores.write_bytes(Address(f"{scheme}://{BUCKET}/{name}"), buffer.getvalue(), overwrite=False)


def test_files_folders_and_globs(run: Run, scheme: str) -> None:
    put(scheme, "in/a.png", "in/b.png", "in/deep/c.png")
    root = f"{scheme}://{BUCKET}"
    for given, made in (("in/a.png", ["a"]), ("in", ["a", "b"]), ("in/**/*.png", ["a", "b", "deep/c"])):
        ran = run("extend", f"{root}/{given}", *SIDES, "--out-dir", f"{root}/wide", "--overwrite", "--json")
        assert ran.code == 0, ran.err
        assert sorted(each["input"] for each in ran.facts) == [f"{root}/in/{each}.png" for each in made]
        assert sorted(each["output"] for each in ran.facts) == [f"{root}/wide/{each}-extended.png" for each in made]
    again = run("extend", f"{root}/in/*.png", *SIDES, "--out-dir", f"{root}/wide", "--skip-existing", "--json")
    assert (again.code, {each["skipped"] is None for each in again.facts}) == (0, {False}), again.err
    run("extend", "x.png", *SIDES, "-o", "here.png")
    alone = run("extend", "x.png", *SIDES, "--out-dir", f"{root}/alone")
    stored = stores.read_bytes(Address(alone.lines[0]))
    assert Image.open(io.BytesIO(stored)).tobytes() == Image.open("here.png").tobytes()


def test_what_is_there_already_stays(scheme: str) -> None:
    address = Address(f"{scheme}://{BUCKET}/once.bin")
    stores.write_bytes(address, b"one", overwrite=False)
    with pytest.raises(AlreadyExists, match="--overwrite replaces it"):
        stores.write_bytes(address, b"two", overwrite=False)
    assert stores.read_bytes(address) == b"one"
    stores.write_bytes(address, b"two", overwrite=True)
    assert stores.read_bytes(address) == b"two"


def test_no_such_bucket(run: Run, scheme: str) -> None:
    photo("a.png")
    ran = run("extend", f"{scheme}://nowhere/a.png", *SIDES, "--out-dir", "here")
    assert (ran.code, "no such file" in ran.err) == (1, True), ran.err
    with pytest.raises(OutputError, match="no such bucket") as told:
        stores.write_bytes(Address(f"{scheme}://nowhere/a.png"), b"x", overwrite=False)
    assert "\n" not in str(told.value)


def test_an_address_that_was_found_is_called_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        """Calls itself by its first name, without the account."""

        def glob(self, _: str) -> list[str]:
            return ["photos/in/a.png", "photos/in/b.png"]

        def unstrip_protocol(self, name: str) -> str:
            return f"abfs://{name}"

    monkeypatch.setattr(stores, "system_of", lambda address: (Found(), "photos/in/*.png"))
    for root in ("az://photos", "abfss://photos@account.dfs.core.windows.net"):
        found: list[Any] = [each.text for each in stores.matches(Address(f"{root}/in/*.png"))]
        assert found == [f"{root}/in/a.png", f"{root}/in/b.png"]


def test_a_data_set_of_the_hub(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("huggingface_hub.hf_file_system")
    photo("x.png")
    root, data = f"hf://{REPO}", Path("x.png").read_bytes()
    with hub({"in/a.png": data, "in/b.png": data}) as address:
        monkeypatch.setitem(stores.OPTIONS, "hf", {"endpoint": address})
        library.HfFileSystem.clear_instance_cache()
        for given, made in (("in/a.png", "a"), ("in", "ab"), ("in/*.png", "ab")):
            ran = run("extend", f"{root}/{given}", *SIDES, "--out-dir", "wide", "--overwrite", "--json")
            assert ran.code == 0, ran.err
            assert [each["input"] for each in ran.facts] == [f"{root}/in/{each}.png" for each in made]
        gone = run("extend", f"{root}/in/c.png", *SIDES, "--out-dir", "wide")
        assert (gone.code, "no such file" in gone.err) == (1, True), gone.err
        with pytest.raises(OutputError, match="no permission"):
            stores.write_bytes(Address(f"{root}/wide/a.png"), data, overwrite=True)
        library.HfFileSystem.clear_instance_cache()
