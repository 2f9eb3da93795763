"""examples/mnist.py: it learns, it continues where it stopped, and it says what is missing."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "mnist.py"


@pytest.fixture
def script() -> ModuleType:
    """The example as a module, fresh for each test."""
    spec = importlib.util.spec_from_file_location("mnist_example", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_idx(path: Path, array: np.ndarray, compress: bool) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    raw = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw, mtime=0) if compress else raw)


@pytest.fixture
def small_mnist(tmp_path: Path, script: ModuleType) -> Path:
    """A folder in MNIST's format: 5,400 training images of 4x4, so 400 after the validation cut."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name in script.MNIST_FILES:
        count = 5400 if name.startswith("train") else 50
        shape = (count, 4, 4) if "images" in name else (count,)
        top = 256 if "images" in name else 10
        compress = name.startswith("train")  # the other two uncompressed: both are read
        path = folder / (name + (".gz" if compress else ""))
        write_idx(path, rng.integers(0, top, shape), compress)
    return tmp_path / "data"


def run_script(*arguments: object, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_embedded_digits_are_learned(tmp_path: Path) -> None:
    out = run_script("--digits", cwd=tmp_path)
    assert float(out.rsplit("test accuracy:", 1)[1]) >= 0.96
    assert (tmp_path / "mnist-run" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_restored_run_equals_an_uninterrupted_one(small_mnist: Path, tmp_path: Path) -> None:
    straight = run_script("--data", small_mnist, "--epochs", 4, "--out", "a", cwd=tmp_path)
    run_script("--data", small_mnist, "--epochs", 2, "--out", "b", cwd=tmp_path)
    restored = run_script(
        "--data", small_mnist, "--epochs", 2, "--out", "b", "--restore", cwd=tmp_path
    )

    def epochs(out: str) -> list[str]:  # without the seconds at the end of the line
        return [line.rsplit("  ", 1)[0] for line in out.splitlines() if line.startswith("epoch")]

    assert len(epochs(straight)) == 4
    assert epochs(straight)[2:] == epochs(restored)


def test_idx_files_compressed_or_not(small_mnist: Path, script: ModuleType) -> None:
    data = script.mnist(small_mnist)
    assert data.train[0].shape == (400, 16)
    assert data.validation[0].shape == (5000, 16)
    assert data.test[0].dtype == np.float32
    assert data.test[1].dtype == np.int64
    assert data.train[0].max() == 1
    assert data.train[0].min() == 0
    np.testing.assert_array_equal(
        script.mnist(small_mnist / "mnist").train[0], data.train[0]
    )  # the folder itself is accepted as well


def test_what_is_no_mnist_is_refused(tmp_path: Path, script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no train-images-idx3-ubyte"):
        script.mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"not an IDX file")
    with pytest.raises(SystemExit, match="is no IDX file"):
        script.mnist(tmp_path)


def test_download_keeps_only_what_is_verified(
    small_mnist: Path, tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, target = tmp_path / "good", tmp_path / "bad", tmp_path / "target"
    good.mkdir()
    bad.mkdir()
    sums = {}
    for name in script.MNIST_FILES:
        path = script.find(small_mnist, name)
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        sums[name] = hashlib.md5(raw).hexdigest()
        (good / f"{name}.gz").write_bytes(gzip.compress(raw))
        (bad / f"{name}.gz").write_bytes(gzip.compress(raw + b"x"))
    monkeypatch.setattr(script, "MNIST_FILES", sums)

    with pytest.raises(SystemExit, match=r"MD5 of train-images-idx3-ubyte is"):
        script.download(target, [f"{bad.as_uri()}/"])
    assert not list((target / "mnist").iterdir())
    # One mirror absent, one corrupt, one good.
    script.download(
        target, [f"{tmp_path.as_uri()}/absent/", f"{bad.as_uri()}/", f"{good.as_uri()}/"]
    )
    assert script.mnist(target).train[0].shape == (400, 16)
    script.download(target, [])  # all there already: nothing is fetched


def test_missing_extras_are_named(
    tmp_path: Path,
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    for module in ("sklearn.datasets", "matplotlib.figure", "tqdm"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit, match="come with scikit-learn, which is not installed"):
        script.digits()
    script.plot([{"loss": 1.0, "validation": 0.5, "test": 0.5}], tmp_path / "curves.png")
    assert "no plot without matplotlib" in capsys.readouterr().out
    batches = [1, 2]
    assert script.with_progress(batches, "epoch 1") is batches


def test_restore_without_a_fitting_file(
    small_mnist: Path, tmp_path: Path, script: ModuleType
) -> None:
    arguments = ["--data", str(small_mnist), "--out", str(tmp_path / "out"), "--epochs", "1"]
    with pytest.raises(SystemExit, match="nothing to restore"):
        script.main([*arguments, "--restore"])
    script.main(arguments)
    with pytest.raises(SystemExit, match="was trained on mnist, this run is on digits"):
        script.main(["--digits", "--out", str(tmp_path / "out"), "--restore"])
