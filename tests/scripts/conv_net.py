"""A small residual convolutional net on drawn shapes: a one-cycle schedule, a saved checkpoint."""

import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Dataset, Subset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Shapes(Dataset):
    """Noisy 16x16 pictures of a square, a cross, a ring or a bar: (image (3, 16, 16), label)."""

    classes = ("square", "cross", "ring", "bar")

    def __init__(self, n, transform=None):
        rng = np.random.default_rng(0)
        self.images = rng.normal(0, 0.3, (n, 3, 16, 16)).astype(np.float32)
        self.labels = rng.integers(4, size=n)
        self.transform = transform
        for image, label, (r, c) in zip(self.images, self.labels, rng.integers(2, 6, (n, 2))):
            figure = np.zeros((9, 9), np.float32)
            if label == 0:
                figure[2:7, 2:7] = 1
            elif label == 1:
                figure[4, :] = figure[:, 4] = 1
            elif label == 2:
                figure[1:8, 1:8] = 1
                figure[3:6, 3:6] = 0
            else:
                figure[:, 3:6] = 1
            image[:, r : r + 9, c : c + 9] += figure

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = torch.from_numpy(self.images[i])
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[i])


class Normalize:
    def __init__(self, mean, std):
        self.mean = torch.tensor(mean).view(-1, 1, 1)
        self.std = torch.tensor(std).view(-1, 1, 1)

    def __call__(self, image):
        return (image - self.mean) / self.std


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding="same", bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out, inplace=True)


class Net(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.layers = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 16, stride=2))
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(16, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        x = self.pool(self.layers(self.stem(x)))
        return self.fc(torch.flatten(x, 1))


def evaluate(model, loader, criterion):
    model.eval()
    test_loss, correct = 0.0, 0
    with torch.no_grad():
        for data, target in loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += criterion(output, target).item() * data.size(0)
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    return test_loss / len(loader.dataset), correct / len(loader.dataset)


def build():
    torch.manual_seed(0)
    return Net().to(device)


def train(model, epochs=2):
    dataset = Shapes(200, transform=Normalize((0.2, 0.2, 0.2), (0.5, 0.5, 0.5)))
    order = np.random.default_rng(1).permutation(160).tolist()
    train_loader = DataLoader(Subset(dataset, order), batch_size=16, drop_last=True)
    test_loader = DataLoader(Subset(dataset, range(160, 200)), batch_size=20, shuffle=False)

    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    scheduler = OneCycleLR(optimizer, 0.1, epochs=epochs, steps_per_epoch=len(train_loader))
    losses, best = [], 0.0
    path = os.path.join(tempfile.mkdtemp(), "checkpoint.pt")
    for epoch in range(1, epochs + 1):
        model.train()
        for batch_idx, (data, target) in enumerate(train_loader):
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            loss = criterion(model(data), target)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if batch_idx % 5 == 0:
                done = 100.0 * batch_idx / len(train_loader)
                print(f"Train Epoch: {epoch} [{done:.0f}%]\tLoss: {loss.item():.6f}")
        test_loss, accuracy = evaluate(model, test_loader, criterion)
        print(f"lr {scheduler.get_last_lr()[0]:.5f} test {test_loss:.4f} accuracy {accuracy:.1%}")
        if accuracy >= best:
            best = accuracy
            torch.save({"epoch": epoch, "net": model.state_dict(), "acc": accuracy}, path)

    checkpoint = torch.load(path, map_location=device)
    fresh = Net().to(device)
    fresh.load_state_dict(checkpoint["net"])
    losses.append(evaluate(fresh, test_loader, criterion)[0])
    os.remove(path)
    return losses


if __name__ == "__main__":
    train(build())
