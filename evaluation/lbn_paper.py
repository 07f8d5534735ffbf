"""What the paper reports (SPEC 8), and where it contradicts itself (SPEC 4.6)."""

from __future__ import annotations

# Per norm: highest test accuracy % with the norm on layer 1, 2, 3 (Tables 4 and 5), online % (Table
# 6), error mean m, variance m^2, standard deviation m (Table 7), final loss with it on layer 1.
PAPER: dict[str, tuple] = {
    "CNN": (90.54, None, None, 87.84, 2.21, 12.0, 3.46, 0.25),
    "BN": (93.21, 90.6, 92.91, 91.89, 1.48, 4.3, 2.07, 0.18),
    "LN": (91.83, 90.55, 91.04, 89.73, 2.07, 7.61, 2.75, 0.22),
    "LBN": (94.69, 91.8, 93.65, 92.97, 1.27, 3.97, 1.99, 0.14),
}
_HEADS = ("layer 1 %", "layer 2 %", "layer 3 %", "online %", "mean m", "variance m²", "std m",
          "final loss")  # fmt: skip
SPACING_M = 2.0


def most_exact(mean_m: float, variance_m2: float) -> float:
    """The largest share of exact answers that a mean and a variance of errors >= 0 allow.

    Cauchy and Schwarz: mean^2 = E[e; e > 0]^2 <= P(e > 0) E[e^2].
    """
    return 1.0 - mean_m**2 / (mean_m**2 + variance_m2)


def paper_table() -> str:
    """Markdown; the last column is what the error figures allow."""
    lines = [
        f"| paper | {' | '.join(_HEADS)} | exact at most, by its mean and variance |",
        "|" + " --- |" * (len(_HEADS) + 2),
    ]
    for name, values in PAPER.items():
        mean, variance = values[4:6]
        cells = ["" if v is None else f"{v:g}" for v in values]
        lines.append(f"| {name} | {' | '.join(cells)} | {most_exact(mean, variance):.1%} |")
    return "\n".join(lines)


CONTRADICTIONS = """The paper's own places are not public, and its tables contradict each other: \
errors on points 2 m apart are 0, 2, 4 m and so on, and for such errors mean and variance bound \
the share of exact answers (last column; Cauchy and Schwarz) far below the accuracies reported. \
The headline figures (344, 340, 332 and 325 of 370) are most likely accuracies within one or two \
points, which the paper calls "a positioning precision of 4 m", or the error table is of other \
data. The text's 78 % within 1 m for LBN lies over the bound too (errors under 2 m are 0). \
Compare orderings, never absolute values. The published parameter count fits BN, or LBN with \
statistics pooled over patches, and no LBN with statistics per patch (SPEC 4.2)."""
