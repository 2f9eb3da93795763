"""A variational autoencoder on pictures of bars, after Auto-Encoding Variational Bayes (2013)."""

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

SIDE, LATENT = 8, 4
noise = np.random.default_rng(42)


def bars(n, seed=0):
    """Pictures (n, 1, SIDE, SIDE) of one row and one column of light on dark, between 0 and 1."""
    rng = np.random.default_rng(seed)
    pictures = rng.uniform(0, 0.1, (n, 1, SIDE, SIDE)).astype("float32")
    rows, columns = rng.integers(SIDE, size=(2, n))
    pictures[np.arange(n), 0, rows, :] = 0.9
    pictures[np.arange(n), 0, :, columns] = 0.9
    return torch.from_numpy(pictures)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.fc_mu = nn.Linear(16 * 4, LATENT)
        self.fc_logvar = nn.Linear(16 * 4, LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 16 * 4),
            nn.ReLU(),
            nn.Unflatten(1, (16, 2, 2)),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.as_tensor(noise.standard_normal(tuple(std.shape)), dtype=std.dtype)
        return mu + eps * std

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return self.decoder(z), mu, logvar


def loss_function(recon_x, x, mu, logvar, beta=1.0):
    """Reconstruction and KL divergence, both summed over all pictures."""
    BCE = F.binary_cross_entropy(
        recon_x.view(-1, SIDE * SIDE), x.view(-1, SIDE * SIDE), reduction="sum"
    )
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + beta * KLD, BCE.detach(), KLD.detach()


def build():
    torch.manual_seed(1)
    return VAE()


def train(model, steps=20):
    loader = DataLoader(TensorDataset(bars(160)), batch_size=32)
    optimizer = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-6)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=1e-4)
    ema = {k: v.clone() for k, v in model.state_dict().items()}
    losses = []
    model.train()
    while len(losses) < steps:
        for (data,) in loader:
            beta = min(1.0, (len(losses) + 1) / 10)  # KL annealing
            optimizer.zero_grad(set_to_none=True)
            recon_batch, mu, logvar = model(data)
            loss, bce, kld = loss_function(recon_batch, data, mu, logvar, beta)
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 100.0)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item() / len(data))
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    ema[name].mul_(0.9).add_(value, alpha=0.1)
        print(f"====> Average loss: {sum(losses[-5:]) / 5:.4f} {bce / len(data):.3f} {kld:.3f}")

    averaged = VAE()
    averaged.load_state_dict(ema)
    averaged.eval()
    with torch.inference_mode():
        test = bars(16, seed=9)
        mu, logvar = averaged.encode(test)
        recon = averaged.decoder(mu)
        losses.append(F.mse_loss(recon, test).item())
        grid = torch.linspace(-1, 1, 3)
        z = torch.zeros(9, LATENT)
        z[:, :2] = torch.stack(torch.meshgrid(grid, grid, indexing="ij"), dim=-1).reshape(9, 2)
        sample = averaged.decoder(z).cpu().numpy()
    assert sample.shape == (9, 1, SIDE, SIDE)
    print(f"latent code of the first picture: {mu[0]}")
    return losses


if __name__ == "__main__":
    train(build())
