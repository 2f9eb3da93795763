"""Handwritten digits, learned by a small network: the classic experiment, end to end.

    python examples/mnist.py                  # the 1,797 digits that come with scikit-learn
    python examples/mnist.py --data DIR       # the full MNIST: 60,000 + 10,000 images in DIR
    python examples/mnist.py --download       # the same, fetched into ./data first
    python examples/mnist.py --restore        # any of them, continued from the saved file

The network is 784-300-100-10 with ELU, batch normalization on every layer (the logits too), He
initialization, softmax cross entropy and plain SGD: rate 0.01, batches of 200, ten epochs. A
published run of it reached, in test accuracy after each epoch,

    .8678 .8941 .9116 .9222 .9292 .9336 .9400 .9427 .9450 .9479

and .9504 to .9642 in ten more after restoring. This script follows it in these points:

* Pixels from 0 to 1, not centred. 55,000 images train; the first 5,000 are kept for validation.
* Weights have variance 2 / fan_in (He initialization), drawn from a normal distribution cut off at
  two standard deviations; biases are zero. The variance matters: batch normalization makes a layer
  blind to the scale of its weights, so smaller weights mean larger relative steps. At 1 / fan_in
  the first ten epochs end at .962 to .967 instead of .950. The form of the distribution does not:
  uniform or uncut normal weights of that variance give the same curve but for its noise, which is
  about .001 from seed to seed.
* Batch normalization has epsilon 0.001 and keeps 0.9 of the old average at each step, which is
  momentum=0.1 in PyTorch's convention, where momentum is the weight of the new value.
* The images are shuffled anew each epoch.

The saved file holds the model, the optimizer, the curve and the state of the random generator: a
run that is stopped and restored continues exactly as if it had not been stopped.

The script is also a PyTorch script: with `import torch` in place of `import tinygrad_lite as
torch`, and likewise in the two lines after it, it runs there unchanged.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import math
import os
import struct
import sys
import time
import urllib.request
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lite as torch
from tinygrad_lite import nn
from tinygrad_lite.utils.data import DataLoader, TensorDataset

# MD5 of the uncompressed files, as published widely; the compressed bytes differ between mirrors.
MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class Data(NamedTuple):
    """Images (N, pixels) in 0..1 and labels (N,), split in three, and how to train on them."""

    name: str
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    batch: int
    rate: float
    epochs: int


# -- data -----------------------------------------------------------------------------------------


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file, compressed or not: two zero bytes, type 8 (uint8), rank, sizes."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    zero, kind, rank = struct.unpack(">HBB", raw[:4])
    if (zero, kind) != (0, 8):
        raise SystemExit(f"{path} is no IDX file of bytes: it starts with {raw[:4].hex()}")
    shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def find(directory: Path, name: str) -> Path:
    """The file `name`, with or without .gz, in `directory` or in its subfolder mnist."""
    for path in (directory / "mnist" / name, directory / name):
        for candidate in (path.with_name(name + ".gz"), path):
            if candidate.exists():
                return candidate
    raise SystemExit(
        f"no {name}(.gz) in {directory} or {directory / 'mnist'}; --download fetches MNIST, "
        "and without --data and TINYGRAD_LITE_DATA the digits of scikit-learn are used"
    )


def mnist(directory: Path) -> Data:
    """The full MNIST; the first 5,000 of the 60,000 training images are for validation."""
    images, labels, test_images, test_labels = (read_idx(find(directory, f)) for f in MNIST_FILES)
    images = images.reshape(len(images), -1).astype(np.float32) / 255
    test_images = test_images.reshape(len(test_images), -1).astype(np.float32) / 255
    labels, test_labels = labels.astype(np.int64), test_labels.astype(np.int64)
    return Data(
        "mnist",
        train=(images[5000:], labels[5000:]),
        validation=(images[:5000], labels[:5000]),
        test=(test_images, test_labels),
        batch=200,
        rate=0.01,
        epochs=10,
    )


def digits() -> Data:
    """scikit-learn's 8x8 digits, in one fixed random order: 1,257 train, 180 validate, 360 test.

    Twenty times fewer images than MNIST's would make only seven steps an epoch in batches of 200,
    hence the smaller batches and the larger rate.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise SystemExit(
            "the embedded digits come with scikit-learn, which is not installed: "
            'pip install ".[examples]", or give the full MNIST with --data or --download'
        ) from None
    images, labels = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(images))
    images = (images[order] / 16).astype(np.float32)
    labels = labels[order].astype(np.int64)
    return Data(
        "digits",
        train=(images[:1257], labels[:1257]),
        validation=(images[1257:1437], labels[1257:1437]),
        test=(images[1437:], labels[1437:]),
        batch=20,
        rate=0.05,
        epochs=20,
    )


def download(directory: Path, mirrors: Iterable[str] = MIRRORS) -> None:
    """Fetch the four files of MNIST into `directory`/mnist, each verified before it is kept."""
    target = directory / "mnist"
    target.mkdir(parents=True, exist_ok=True)
    for name, md5 in MNIST_FILES.items():
        path = target / f"{name}.gz"
        if path.exists() and hashlib.md5(gzip.decompress(path.read_bytes())).hexdigest() == md5:
            continue
        problems = []
        for mirror in mirrors:
            try:
                with urllib.request.urlopen(f"{mirror}{name}.gz", timeout=60) as response:
                    raw = response.read()
                found = hashlib.md5(gzip.decompress(raw)).hexdigest()
            except (OSError, EOFError) as error:  # URLError and BadGzipFile are OSErrors
                problems.append(f"{mirror}: {error}")
                continue
            if found != md5:
                problems.append(f"{mirror}: MD5 of {name} is {found}, not {md5}")
                continue
            partial = path.with_suffix(".partial")  # never a half-written file under the real name
            partial.write_bytes(raw)
            partial.replace(path)
            print(f"{name}: {len(raw):,} bytes, MD5 verified")
            break
        else:
            raise SystemExit(f"could not download {name}:\n  " + "\n  ".join(problems))


# -- model ----------------------------------------------------------------------------------------


def he_normal_(weight: torch.Tensor) -> None:
    """Fill with a normal distribution cut at two deviations whose variance is 2 / fan_in."""
    cut = 0.8796256610342398  # the standard deviation of the unit normal cut at -2 and 2
    std = math.sqrt(2 / weight.shape[1]) / cut
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def network(inputs: int) -> nn.Sequential:
    """inputs-300-100-10, each layer batch-normalized, ELU between them."""
    sizes = (inputs, 300, 100, 10)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        linear = nn.Linear(fan_in, fan_out)
        he_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.BatchNorm1d(fan_out, eps=0.001, momentum=0.1), nn.ELU()]
    return nn.Sequential(*layers[:-1])  # no ELU on the logits


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of images whose largest logit is the label's."""
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(dim=1) == labels).float().mean().item()


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterable[Any]
) -> float:
    """One pass over `batches`; returns the mean loss."""
    loss_function = nn.CrossEntropyLoss()
    model.train()
    total, count = 0.0, 0
    for images, labels in batches:  # (B, pixels), (B,)
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


# -- progress -------------------------------------------------------------------------------------


def with_progress(batches: Any, title: str) -> Any:
    """`batches` behind a tqdm bar, when there is a terminal to draw it on."""
    try:
        from tqdm import tqdm
    except ImportError:
        if sys.stderr.isatty():
            print('(no progress bar without tqdm: pip install ".[examples]")', file=sys.stderr)
        return batches
    return tqdm(batches, desc=title, leave=False, disable=None, unit="batch")


def plot(curve: list[dict[str, float]], path: Path) -> None:
    """The learning curves as a PNG: loss on the left, accuracy on the right."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print('no plot without matplotlib: pip install ".[examples]"')
        return
    epochs = range(1, len(curve) + 1)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["loss"] for row in curve], label="training")
    left.set(xlabel="epoch", ylabel="cross entropy")
    left.legend()
    for which in ("validation", "test"):
        right.plot(epochs, [row[which] for row in curve], label=which)
    right.set(xlabel="epoch", ylabel="accuracy")
    right.legend()
    figure.savefig(path, dpi=120)
    print(f"learning curves: {path}")


# -- the experiment -------------------------------------------------------------------------------


def run(data: Data, epochs: int, seed: int, out: Path, restore: bool) -> list[dict[str, float]]:
    """Train (on), save to `out`, and return the whole learning curve, one row an epoch."""
    checkpoint_file = out / "checkpoint.pt"
    torch.manual_seed(seed)
    model = network(inputs=data.train[0].shape[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=data.rate)
    curve: list[dict[str, float]] = []
    if restore:
        if not checkpoint_file.exists():
            raise SystemExit(f"nothing to restore: {checkpoint_file} does not exist")
        checkpoint = torch.load(checkpoint_file)
        if checkpoint["data"] != data.name:
            raise SystemExit(
                f"{checkpoint_file} was trained on {checkpoint['data']}, this run is on {data.name}"
            )
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        torch.set_rng_state(checkpoint["random"])
        curve = checkpoint["curve"]
        print(f"restored after epoch {len(curve)}, test accuracy {curve[-1]['test']:.4f}")

    images, labels = map(torch.from_numpy, data.train)
    validation = [torch.from_numpy(part) for part in data.validation]
    test = [torch.from_numpy(part) for part in data.test]
    loader = DataLoader(TensorDataset(images, labels), batch_size=data.batch, shuffle=True)
    for epoch in range(len(curve) + 1, len(curve) + epochs + 1):
        start = time.perf_counter()
        loss = train_epoch(model, optimizer, with_progress(loader, f"epoch {epoch}"))
        seconds = time.perf_counter() - start
        row = {
            "loss": loss,
            "validation": accuracy(model, *validation),
            "test": accuracy(model, *test),
        }
        curve.append(row)
        print(
            f"epoch {epoch:2}  loss {loss:.4f}  validation {row['validation']:.4f}  "
            f"test {row['test']:.4f}  {seconds:.1f} s",
            flush=True,
        )

    out.mkdir(parents=True, exist_ok=True)
    state = {
        "data": data.name,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "curve": curve,
    }
    torch.save(state, checkpoint_file)
    print(f"saved: {checkpoint_file}")
    plot(curve, out / "curves.png")
    return curve


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with MNIST (or TINYGRAD_LITE_DATA)")
    parser.add_argument("--download", action="store_true", help="fetch MNIST into --data or ./data")
    parser.add_argument("--digits", action="store_true", help="scikit-learn's digits in any case")
    parser.add_argument("--restore", action="store_true", help="continue from the saved file")
    parser.add_argument("--epochs", type=int, help="default: 10 for MNIST, 20 for the digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mnist-run"), help="where files are saved")
    options = parser.parse_args(arguments)

    directory = options.data
    if directory is None and os.environ.get("TINYGRAD_LITE_DATA"):
        directory = Path(os.environ["TINYGRAD_LITE_DATA"])
    if options.download:
        directory = directory or Path("data")
        download(directory)
    data = digits() if options.digits or directory is None else mnist(directory)

    sizes = ", ".join(f"{len(getattr(data, part)[1]):,} {part}" for part in Data._fields[1:4])
    print(f"{data.name}: {sizes}")
    epochs = data.epochs if options.epochs is None else options.epochs
    curve = run(data, epochs, options.seed, options.out, options.restore)
    if curve:
        print(f"test accuracy: {curve[-1]['test']:.4f}")


if __name__ == "__main__":
    main()
