"""Networks, one module per system. They import torch only."""
