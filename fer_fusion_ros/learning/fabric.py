"""Set up Lightning Fabric, alone or under torchrun."""

import atexit
import os
import weakref

import torch
from lightning_fabric import Fabric
from torch import nn

from fer_fusion_ros.exceptions import ConfigurationError


def make_fabric(precision: str = 'auto') -> Fabric:
    """
    Return a launched Fabric that takes its place among the processes of `torchrun`, if any.

    :param precision: Fabric's name of a precision, such as `32-true` or `bf16-mixed`, or `auto`:
        bfloat16 where the hardware computes in it, and float32 elsewhere, where it would be
        emulated at a small part of the speed.
    :raises ConfigurationError: if there is no such precision here.
    """
    if precision == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        precision = 'bf16-mixed' if computes_in_bfloat16(device) else '32-true'
    processes = int(os.environ.get('WORLD_SIZE', '1'))
    local = int(os.environ.get('LOCAL_WORLD_SIZE', '1'))
    try:
        fabric = Fabric(
            strategy='ddp' if processes > 1 else 'auto',
            devices=local,
            num_nodes=processes // local,
            precision=precision,
            callbacks=[_Leaving()] if processes > 1 else None,
        )
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f'With the precision {precision!r} no training can be set up ({error}).'
        ) from error
    fabric.launch()
    return fabric


class _Leaving:
    """
    Leaves the other processes before the interpreter ends.

    A thread of Gloo's asks the interpreter for leave to drop its last work. If the interpreter is
    ending by then, this aborts a process that has done all of its own work. Only the end of the
    process group joins these threads, and each wrapped module keeps the group alive.
    """

    def __init__(self) -> None:
        self._modules: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        atexit.register(self._leave)

    def on_after_setup(self, module: nn.Module) -> None:
        """Note a module that Fabric has wrapped."""
        self._modules.add(module)

    def _leave(self) -> None:
        for module in self._modules:
            for name, _ in list(module.named_children()):
                delattr(module, name)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def computes_in_bfloat16(device: str) -> bool:
    """Tell whether the hardware of a device, `cuda` or `cpu`, does; else it would be emulated."""
    if device == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu.get_capabilities().get('avx512_bf16', False))
