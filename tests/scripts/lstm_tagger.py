"""A bidirectional LSTM that tags the words of sentences, with features of their spelling."""

from collections import Counter

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

PAD, UNK = 0, 1
EMBEDDING_DIM, CHAR_DIM, HIDDEN_DIM = 12, 8, 16
TAGS = {"<pad>": 0, "DET": 1, "ADJ": 2, "NN": 3, "V": 4, "ADV": 5}
WORDS = {
    "DET": ["the", "a", "every", "some"],
    "ADJ": ["big", "small", "green", "old", "light"],
    "NN": ["dog", "house", "teacher", "apple", "book", "light", "run"],
    "V": ["eats", "reads", "sees", "builds", "run", "light"],
    "ADV": ["quickly", "slowly", "gladly"],
}


def make_sentences(n, seed=0):
    rng = np.random.default_rng(seed)
    patterns = [
        "DET NN V",
        "DET ADJ NN V ADV",
        "DET NN V DET ADJ NN",
        "DET ADJ ADJ NN V DET NN ADV",
    ]
    sentences = []
    for _ in range(n):
        tags = patterns[rng.integers(len(patterns))].split()
        sentences.append(([WORDS[t][rng.integers(len(WORDS[t]))] for t in tags], tags))
    return sentences


training_data = make_sentences(80)
counts = Counter(word for sentence, _ in training_data for word in sentence)
word_to_ix = {"<pad>": PAD, "<unk>": UNK}
for word, count in counts.most_common():
    if count > 1:
        word_to_ix[word] = len(word_to_ix)
char_to_ix = {c: i + 1 for i, c in enumerate(sorted({c for w in counts for c in w}))}


def collate(batch):
    """Padded words (B, T), padded characters (B, T, L), tags (B, T), lengths (B,)."""
    words = [torch.tensor([word_to_ix.get(w, UNK) for w in s]) for s, _ in batch]
    tags = [torch.tensor([TAGS[t] for t in ts], dtype=torch.long) for _, ts in batch]
    lengths = torch.tensor([len(w) for w in words])
    longest = max(len(w) for s, _ in batch for w in s)
    chars = torch.zeros(len(batch), int(lengths.max()), longest, dtype=torch.long)
    for i, (sentence, _) in enumerate(batch):
        for j, w in enumerate(sentence):
            chars[i, j, : len(w)] = torch.LongTensor([char_to_ix.get(c, 0) for c in w])
    return (
        pad_sequence(words, batch_first=True, padding_value=PAD),
        chars,
        pad_sequence(tags, batch_first=True),
        lengths,
    )


class LSTMTagger(nn.Module):
    def __init__(self, vocab_size, char_size, tagset_size):
        super(LSTMTagger, self).__init__()
        self.word_embeddings = nn.Embedding(vocab_size, EMBEDDING_DIM, padding_idx=PAD)
        self.char_embeddings = nn.Embedding(char_size, CHAR_DIM, padding_idx=0)
        self.char_conv = nn.Conv1d(CHAR_DIM, CHAR_DIM, kernel_size=3, padding=1)
        self.lstm = nn.LSTM(
            EMBEDDING_DIM + CHAR_DIM, HIDDEN_DIM, num_layers=2, batch_first=True, bidirectional=True
        )
        self.hidden2tag = nn.Linear(2 * HIDDEN_DIM, tagset_size)

    def init_hidden(self, batch):
        weight = next(self.parameters())
        shape = (4, batch, HIDDEN_DIM)
        return weight.new_zeros(shape), weight.new_zeros(shape)

    def forward(self, words, chars, lengths):
        B, T, L = chars.shape
        c = self.char_embeddings(chars.reshape(B * T, L)).permute(0, 2, 1)  # (B*T, CHAR_DIM, L)
        c, _ = F.relu(self.char_conv(c)).max(dim=-1)
        embeds = torch.cat([self.word_embeddings(words), c.view(B, T, -1)], dim=-1)
        packed = pack_padded_sequence(embeds, lengths, batch_first=True, enforce_sorted=False)
        output, (h_n, c_n) = self.lstm(packed, self.init_hidden(B))
        output, _ = pad_packed_sequence(output, batch_first=True)
        return F.log_softmax(self.hidden2tag(output), dim=-1)


def accuracy(model, sentences):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        words, chars, tags, lengths = collate(sentences)
        predicted = model(words, chars, lengths).argmax(-1)
        mask = tags != TAGS["<pad>"]
        right = (predicted[mask] == tags[mask]).float().mean()
    model.train(was_training)
    return right.item()


def build():
    torch.manual_seed(1)
    return LSTMTagger(len(word_to_ix), len(char_to_ix) + 1, len(TAGS))


def train(model, steps=20):
    loader = DataLoader(training_data, batch_size=8, collate_fn=collate)
    loss_function = nn.NLLLoss(ignore_index=TAGS["<pad>"])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.8)
    losses = []
    while len(losses) < steps:
        for words, chars, tags, lengths in loader:
            model.zero_grad()
            tag_scores = model(words, chars, lengths)
            loss = loss_function(tag_scores.flatten(0, 1), tags.flatten())
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        print(f"loss {np.mean(losses[-10:]):.3f} norm {norm:.3f} lr {scheduler.get_last_lr()}")
    print(f"accuracy on new sentences {accuracy(model, make_sentences(20, seed=1)):.3f}")
    return losses


if __name__ == "__main__":
    train(build())
