"""REINFORCE with a learned baseline on a cart that must keep its pole up (the task is NumPy)."""

from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical

gamma, entropy_bonus = 0.99, 0.01
eps = np.finfo(np.float32).eps.item()


class CartPole:
    """The pole of Barto, Sutton and Anderson (1983), in Euler steps of 0.02 s."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def reset(self):
        self.state = self.rng.uniform(-0.05, 0.05, size=4)
        return self.state.copy()

    def step(self, action):
        _, v, theta, w = self.state
        force = 10.0 if action == 1 else -10.0
        sin, cos = np.sin(theta), np.cos(theta)
        push = (force + 0.05 * w**2 * sin) / 1.1
        turn = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        shift = push - 0.05 * turn * cos / 1.1
        self.state = self.state + 0.02 * np.array([v, shift, w, turn])
        done = bool(abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.2095)
        return self.state.copy(), 1.0, done


class Policy(nn.Module):
    """Both actor and critic in one model."""

    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(4, 32)
        self.action_head = nn.Linear(32, 2)
        self.value_head = nn.Linear(32, 1)
        self.saved_actions = []
        self.rewards = []

    def forward(self, x):
        x = torch.tanh(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def select_action(model, state, rng):
    state = torch.from_numpy(state).float()
    probs, state_value = model(state)
    m = Categorical(probs)
    # drawn by hand, that the game may be replayed from one seed: m.sample() elsewhere
    action = torch.tensor(int(rng.random() > probs[0].item()))
    model.saved_actions.append((m.log_prob(action), state_value, m.entropy()))
    return action.item()


def finish_episode(model, optimizer):
    R = 0
    returns = deque()
    for r in model.rewards[::-1]:
        R = r + gamma * R
        returns.appendleft(R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)

    policy_losses, value_losses, entropies = [], [], []
    for (log_prob, value, entropy), R in zip(model.saved_actions, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, R.unsqueeze(0)))
        entropies.append(entropy)

    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss = loss - entropy_bonus * torch.stack(entropies).sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
    del model.rewards[:]
    del model.saved_actions[:]
    return loss.item()


def build():
    torch.manual_seed(543)
    return Policy()


def train(model, episodes=20, max_steps=100):
    env = CartPole(seed=543)
    rng = np.random.default_rng(7)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)
    losses, running_reward = [], 10.0
    for i_episode in range(1, episodes + 1):
        state, ep_reward = env.reset(), 0.0
        for _ in range(max_steps):
            action = select_action(model, state, rng)
            state, reward, done = env.step(action)
            model.rewards.append(reward)
            ep_reward += reward
            if done:
                break
        running_reward = 0.05 * ep_reward + (1 - 0.05) * running_reward
        losses.append(finish_episode(model, optimizer))
        scheduler.step()
        if i_episode % 10 == 0:
            print(f"Episode {i_episode}\tLast {ep_reward:.2f}\tAverage {running_reward:.2f}")
    return losses


if __name__ == "__main__":
    train(build())
