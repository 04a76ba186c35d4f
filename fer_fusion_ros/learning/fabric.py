"""Set up Lightning Fabric, alone or under torchrun."""

import os

from lightning_fabric import Fabric


def make_fabric(precision: str = '32-true', accelerator: str = 'auto') -> Fabric:
    """
    Return a launched Fabric that takes its place among the processes of `torchrun`, if any.

    :param precision: Fabric's name of a precision, such as `32-true` or `bf16-mixed`.
    :param accelerator: `auto`, `cpu` or `cuda`.
    """
    processes = int(os.environ.get('WORLD_SIZE', '1'))
    local = int(os.environ.get('LOCAL_WORLD_SIZE', '1'))
    fabric = Fabric(
        accelerator=accelerator,
        strategy='ddp' if processes > 1 else 'auto',
        devices=local,
        num_nodes=processes // local,
        precision=precision,
    )
    fabric.launch()
    return fabric
