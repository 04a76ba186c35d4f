"""An exponential moving average of a network's weights."""

import copy

import torch
from torch import Tensor, nn


class Ema:
    """
    Keep an averaged copy of a network.

    :param network: the network that is trained.
    :param decay: share of the average kept at each step; early on it is smaller, so that the
        first weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards `network`, buffers included."""
        self.steps += 1
        weight = 1 - min(self.decay, self.steps / (self.steps + 10))
        ours, theirs = self.network.state_dict(), network.state_dict()
        pairs = [(ours[name], theirs[name]) for name in ours]
        floats = [(a, b) for a, b in pairs if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], weight)
        for a, b in pairs:
            if not a.is_floating_point():
                a.copy_(b)

    def state_dict(self) -> dict[str, Tensor | int]:
        """Return the averaged weights and the count of steps."""
        return {'steps': self.steps, 'network': self.network.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Restore what `state_dict` returned."""
        self.steps = state['steps']
        self.network.load_state_dict(state['network'])
