"""Recurrent networks that say at every step of a sequence whether it is an attack."""

from typing import Literal

from torch import Tensor, nn

Kind = Literal["bilstm", "gru", "lstm"]


class Recurrent(nn.Module):
    """Maps (N, T, features) to two logits a step, genuine and attack, (N, T, 2).

    single_bias: keep the second bias of every gate at zero, untrained; it only adds to the first.
    """

    def __init__(self, kind: Kind, features: int, units: int, single_bias: bool = False) -> None:
        super().__init__()
        two_ways = kind == "bilstm"
        self.net: nn.LSTM | nn.GRU
        if kind == "gru":
            self.net = nn.GRU(features, units, batch_first=True)
        else:
            self.net = nn.LSTM(features, units, batch_first=True, bidirectional=two_ways)
        self.head = nn.Linear(units * (1 + two_ways), 2)
        for name, weight in self.net.named_parameters():
            if name.startswith("weight_hh") and two_ways:
                nn.init.kaiming_normal_(weight)  # released: "he" for the recurrent weights
            elif name.startswith("bias_hh") and single_bias:
                nn.init.zeros_(weight)
                weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.net(x)[0]
        logits: Tensor = self.head(states)
        return logits
