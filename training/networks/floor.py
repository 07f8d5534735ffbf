"""The floor network of Hapi (Elbakly and Youssef 2019, section 4.2; SPEC 5.4).

``span`` floors with ``kinds`` features each -> four layers of 100 with ReLU, a quarter of the first
dropped in training -> one score per floor of the search range. With the first 4 kinds (number,
largest, mean, variance), 16 inputs, it is the network of TrueStory as SPEC 5.10 reads it: what is
heard of each floor, without the access points' places.
"""

from __future__ import annotations

from torch import Tensor, nn

KINDS = (8, 4)


class FloorNet(nn.Module):
    """(B, span * kinds) standardised features -> (B, span) logits."""

    def __init__(
        self, kinds: int = 8, span: int = 4, width: int = 100, depth: int = 4, dropout: float = 0.25
    ) -> None:
        """Raises ValueError where ``kinds`` is neither 8 nor 4, or there is no hidden layer."""
        super().__init__()
        if kinds not in KINDS or min(span, width, depth) < 1:
            raise ValueError(
                f"kinds, span, width, depth are {kinds}, {span}, {width}, {depth}: expected kinds "
                "8 or 4 and 1 or more of the others"
            )
        self.kinds, self.span = kinds, span
        self.config = {
            "kinds": kinds, "span": span, "width": width, "depth": depth, "dropout": dropout,
        }  # fmt: skip
        layers: list[nn.Module] = [nn.Linear(span * kinds, width), nn.ReLU(), nn.Dropout(dropout)]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, span))

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)
