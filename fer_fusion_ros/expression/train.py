"""Train PyConv-SE18."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from fer_fusion_ros.exceptions import CheckpointError, ConfigurationError, DataError
from fer_fusion_ros.expression.data.augmentation import Augmentation
from fer_fusion_ros.expression.data.batches import Batches, Loader
from fer_fusion_ros.expression.data.faces import Faces, center_crops
from fer_fusion_ros.expression.data.mixing import Mixing
from fer_fusion_ros.expression.data.modalities import Modalities
from fer_fusion_ros.expression.losses import crowd_loss, expression_loss
from fer_fusion_ros.expression.pyconv_se18 import PRESETS, PyConvSE18
from fer_fusion_ros.learning.checkpoint import (
    fingerprint,
    last_checkpoint,
    load_checkpoint,
    refuse_to_overwrite,
    save_checkpoint,
)
from fer_fusion_ros.learning.config import (
    SEED,
    check_ranges,
    report_differences,
    report_other_data,
)
from fer_fusion_ros.learning.ema import Ema
from fer_fusion_ros.learning.fabric import make_fabric
from fer_fusion_ros.learning.history import History
from fer_fusion_ros.learning.progress import progress_bar
from fer_fusion_ros.learning.schedule import warmup_cosine

_SAVED = ('config', 'classes', 'epoch', 'best', 'network', 'crowd_head', 'optimiser', 'ema')


@dataclass(frozen=True)
class ExpressionConfig:
    """
    A recipe for PyConv-SE18.

    :param preset: stem and stages, see `pyconv_se18.PRESETS`.
    :param dropout: share of the pooled features dropped.
    :param size: height and width of the network's input in pixels.
    :param mean: of the faces' pixels in 0..1.
    :param std: of the faces' pixels.
    :param epochs: passes over the training set; may be changed at a resume.
    :param batch_size: faces per step over all processes.
    :param learning_rate: highest, after the warm-up.
    :param warmup_epochs: length of the linear rise; half a cosine down to zero follows.
    :param momentum: Nesterov's.
    :param weight_decay: of convolutions and linear layers, not of normalisations and biases.
    :param ema: decay of the average of the weights.
    :param coarse_size: height and width to which the faces are shrunk in the first epochs, which
        are the faster for it; selection faces too, and no best weights are kept of these epochs.
    :param coarse_share: share of the epochs with `coarse_size`; the last one is never among them.
    :param crowd_weight: weight of the loss of a second head that learns FERPlus's distributions
        from the same features; it is not part of the network.
    :param soft_share: share of the target that the soft labels make, where the faces have some.
    :param label_smoothing: share of the target spread evenly.
    :param cosine_weight: λ of equation (12).
    :param scale: s of equation (11).
    :param margin: m of equation (11).
    :param augmentation: geometry and tone.
    :param modalities: shares of dim, infrared and fused faces.
    :param mixing: of the faces with one another.
    :param precision: see `make_fabric`.
    :param seed: of everything random.
    :raises ConfigurationError: if there is no such preset, or a number is out of its range.
    """

    preset: str = 'stride2'
    dropout: float = 0.0
    size: int = 44
    mean: float = 0.508
    std: float = 0.255
    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 0.1
    warmup_epochs: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    ema: float = 0.999
    coarse_size: int = 32
    coarse_share: float = 0.0
    crowd_weight: float = 0.0
    soft_share: float = 0.0
    label_smoothing: float = 0.0
    cosine_weight: float = 0.1
    scale: float = 30.0
    margin: float = 0.35
    augmentation: Augmentation = field(default_factory=Augmentation)
    modalities: Modalities = field(default_factory=Modalities)
    mixing: Mixing = field(default_factory=Mixing)
    precision: str = 'auto'
    seed: int = 0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigurationError(
                f'preset is {self.preset!r}; choose one of {", ".join(PRESETS)}.'
            )
        check_ranges(
            self,
            {
                'dropout': '[0, 1]',
                'size': '[1, inf)',
                'mean': '[0, 1]',
                'std': '(0, inf)',
                'epochs': '[1, inf)',
                'batch_size': '[1, inf)',
                'learning_rate': '(0, inf)',
                'warmup_epochs': '[0, inf)',
                'momentum': '(0, 1)',
                'weight_decay': '[0, inf)',
                'ema': '[0, 1]',
                'coarse_size': '[1, inf)',
                'coarse_share': '[0, 1]',
                'crowd_weight': '[0, inf)',
                'soft_share': '[0, 1]',
                'label_smoothing': '[0, 1]',
                'cosine_weight': '[0, inf)',
                'scale': '(0, inf)',
                'margin': '[0, inf)',
                'seed': SEED,
            },
        )


class Trainer:
    """
    Train on one set of faces, select on another.

    :param config: the recipe.
    :param train: faces to learn from.
    :param select: faces by whose accuracy the best weights are chosen.
    :param folder: gets checkpoints, logs and curves.
    :param fuse: see `Modalities`.
    :param fabric: a launched Fabric; made from the config by default.
    :raises DataError: if there are no faces, or the labels of the two sets differ.
    :raises ConfigurationError: if the faces are smaller than the network's input, or the batch
        cannot be shared evenly.
    """

    def __init__(
        self,
        config: ExpressionConfig,
        train: Faces,
        select: Faces,
        folder: str | Path,
        fuse: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
        fabric: Fabric | None = None,
    ) -> None:
        for faces in (train, select):
            if len(faces) == 0:
                raise DataError(f'{faces.name}: no faces are left to train or select on.')
            height, width = faces.images.shape[1:]
            if config.size > min(height, width):
                raise ConfigurationError(
                    f'size is {config.size}; it cannot exceed that of the faces of {faces.name}, '
                    f'{width}x{height}.'
                )
        if train.classes != select.classes:
            raise DataError(
                f'{train.name} has the labels {", ".join(train.classes)}, '
                f'but {select.name} has {", ".join(select.classes)}.'
            )
        self.config = config
        self.select = select
        self.folder = Path(folder)
        self.fabric = fabric or make_fabric(config.precision)
        if config.batch_size % self.fabric.world_size:
            raise ConfigurationError(
                f'batch_size is {config.batch_size}; it must be a multiple of the number of '
                f'processes, {self.fabric.world_size}.'
            )
        self.batches = Batches(
            train,
            config.batch_size,
            config.size,
            config.mean,
            config.std,
            config.augmentation,
            config.modalities,
            config.seed,
            self.fabric.global_rank,
            self.fabric.world_size,
            fuse,
            config.soft_share,
            config.mixing,
            round(config.mixing.until * config.epochs),
        )
        self.loader: Batches | Loader = self.batches
        if self.fabric.device.type == 'cuda':
            torch.backends.cudnn.benchmark = True
            processes = int(os.environ.get('LOCAL_WORLD_SIZE', '1'))
            self.loader = Loader(self.batches, max(1, (os.cpu_count() or 1) // processes - 1))
        torch.manual_seed(config.seed)
        network = PyConvSE18(config.preset, config.dropout).to(memory_format=torch.channels_last)
        if self.fabric.world_size > 1 and self.fabric.device.type == 'cuda':
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        model = _WithLoss(network, config)
        optimiser = torch.optim.SGD(
            _decay_groups(model, config.weight_decay),
            config.learning_rate,
            config.momentum,
            nesterov=True,
            fused=True,
        )
        self.model, self.optimiser = self.fabric.setup(model, optimiser)
        self.network, self.crowd_head = network, model.crowd_head
        self.ema = Ema(network, config.ema)
        self.epoch = 0
        self.best = -math.inf
        self.selection = _fingerprint(select)
        self.data = {
            'faces': _fingerprint(train),
            'votes': None if train.crowd is None else fingerprint(train.crowd),
            # A teacher's answers differ in the last digits from one machine to another.
            'soft labels': None if train.soft is None else train.soft.mean(0).round(4).tolist(),
            'generator': fuse is not None,
        }

    @property
    def last(self) -> Path:
        """The checkpoint that a training resumes from."""
        return last_checkpoint(self.folder)

    def resume(self) -> None:
        """
        Continue from the last checkpoint.

        :raises CheckpointError: if there is none, or its network or its labels are others.
        """
        state = load_checkpoint(self.last, 'training of expressions', _SAVED)
        if state['config']['preset'] != self.config.preset:
            raise CheckpointError(
                f'{self.last} holds the preset {state["config"]["preset"]}, but the config asks '
                f'for {self.config.preset}. Choose another output folder.'
            )
        theirs, ours = state['classes'], self.batches.faces.classes
        if tuple(theirs) != tuple(ours):
            raise CheckpointError(
                f'{self.last} holds the labels {", ".join(theirs)}, but {self.batches.faces.name} '
                f'has {", ".join(ours)}. Choose another output folder.'
            )
        self.network.load_state_dict(state['network'])
        self.crowd_head.load_state_dict(state['crowd_head'])
        # The recipe may have changed; the state holds the former one's decay.
        decays = [group['weight_decay'] for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(state['optimiser'])
        for group, decay in zip(self.optimiser.param_groups, decays, strict=True):
            group.update(momentum=self.config.momentum, weight_decay=decay)
        self.ema.load_state_dict(state['ema'])
        self.epoch, self.best = state['epoch'], state['best']
        # Older checkpoints do not tell the selection set.
        if state.get('selection', self.selection) != self.selection:
            self.best = -math.inf
            if self.fabric.is_global_zero:
                print('Selecting on other faces than before, so the best score starts anew.')
        if self.fabric.is_global_zero:
            report_differences(state['config'], asdict(self.config))
            # Nor do they tell the training data.
            report_other_data(state.get('data', {}), self.data)

    def start_from(self, network: PyConvSE18) -> None:
        """Start with the weights of a trained network instead of random ones."""
        self.network.load_state_dict(network.state_dict())
        self.ema.network.load_state_dict(network.state_dict())

    def fit(self) -> float:
        """
        Train to the last epoch.

        :return: the best accuracy on the selection set, 0..1; -inf while there are no best
            weights.
        :raises CheckpointError: if it does not resume, but the folder holds another training.
        :raises ConfigurationError: if the training diverged; nothing is saved of that epoch.
        """
        if not self.epoch:
            refuse_to_overwrite(self.folder)
        first = self.fabric.is_global_zero
        history = (
            History(
                self.folder, self.epoch, [['train/loss'], ['train/accuracy', 'select/accuracy']]
            )
            if first
            else None
        )
        faces = len(self.batches) * self.config.batch_size
        with progress_bar(
            faces * self.config.epochs, faces * self.epoch, 'face', 'training', first
        ) as bar:
            while self.epoch < self.config.epochs:
                started = time.monotonic()
                # The last epoch is never coarse: best weights come of the others alone.
                coarse = self.epoch < min(
                    self.config.coarse_share * self.config.epochs, self.config.epochs - 1
                )
                figures = self._train_epoch(bar, coarse)
                self.epoch += 1
                if not math.isfinite(figures['train/loss']):
                    raise ConfigurationError(
                        f'The training diverged in epoch {self.epoch}: its mean loss is '
                        f'{figures["train/loss"]}. Lower learning_rate, '
                        f'{self.config.learning_rate:g}.'
                    )
                if first:
                    figures['faces_per_second'] = faces / (time.monotonic() - started)
                    figures['select/accuracy'] = accuracy(
                        self.predict(self.select, coarse), self.select.labels
                    )
                    history.add(self.epoch, figures)
                    self._save(figures['select/accuracy'], coarse)
                    bar.set_postfix_str(
                        f'epoch {self.epoch} loss {figures["train/loss"]:.3f} '
                        f'accuracy {figures["select/accuracy"]:.4f} best {max(self.best, 0):.4f}'
                    )
                self.fabric.barrier()
        if history:
            history.close()
        return self.best

    def step(
        self, faces: Tensor, labels: Tensor, targets: Tensor, crowd: Tensor
    ) -> tuple[Tensor, Tensor]:
        """
        Compute the gradients of one batch.

        :param faces: (N, 1, size, size) float32, normalised.
        :param labels: (N,) int64.
        :param targets: (N, 7) float32, distributions.
        :param crowd: (N, 7) float32, distributions, or zeros where there are no votes.
        :return: the loss and the number of faces classified as labelled, scalars on the device:
            to look at them here would let it wait for the next batch.
        """
        faces = faces.contiguous(memory_format=torch.channels_last)
        faces, labels, targets, crowd = self.fabric.to_device((faces, labels, targets, crowd))
        loss, logits = self.model(faces, targets, crowd)
        self.fabric.backward(loss)
        return loss.detach(), (logits.argmax(1) == labels).sum()

    def predict(self, faces: Faces, coarse: bool = False) -> np.ndarray:
        """Return the averaged network's logits (N, 7) float32 for the centres of the faces."""
        crops = center_crops(faces.images, self.config.size)
        if coarse:
            size = (self.config.coarse_size,) * 2
            crops = np.stack([cv2.resize(c, size, interpolation=cv2.INTER_AREA) for c in crops])
        return predict_logits(self.ema.network, crops, self.config.mean, self.config.std)

    def _train_epoch(self, bar: Any, coarse: bool) -> dict[str, float]:
        self.network.train()
        steps = len(self.batches)
        losses, hits, seen = [], [], 0
        for number, (faces, *told) in enumerate(self.loader.epoch(self.epoch)):
            factor = warmup_cosine(
                self.epoch * steps + number,
                self.config.epochs * steps,
                round(self.config.warmup_epochs * steps),
            )
            for group in self.optimiser.param_groups:
                group['lr'] = self.config.learning_rate * factor
            if coarse:
                faces = F.interpolate(
                    faces, (self.config.coarse_size,) * 2, mode='bilinear', antialias=True
                )
            loss, right = self.step(faces, *told)
            self.optimiser.step()
            self.optimiser.zero_grad()
            self.ema.update(self.network)
            losses.append(loss)
            hits.append(right)
            seen += len(faces)
            bar.update(self.config.batch_size)
        return {
            'train/loss': float(torch.stack(losses).mean()),
            'train/accuracy': int(torch.stack(hits).sum()) / seen,
            'learning_rate': self.optimiser.param_groups[0]['lr'],
        }

    def _save(self, score: float, coarse: bool) -> None:
        better = not coarse and score > self.best
        if better:
            self.best = score
        state = {
            'config': asdict(self.config),
            'classes': self.batches.faces.classes,
            'epoch': self.epoch,
            'best': self.best,
            'score': score,
            'selection': self.selection,
            'data': self.data,
            'network': self.network.state_dict(),
            'crowd_head': self.crowd_head.state_dict(),
            'optimiser': self.optimiser.state_dict(),
            'ema': self.ema.state_dict(),
        }
        # The best first: a resume from the last trusts that the weights of its best score exist.
        if better:
            save_checkpoint(self.folder / 'best.ckpt', state)
        save_checkpoint(self.last, state)


class _WithLoss(nn.Module):
    """The network and its loss in one forward pass, as distributed training wants it."""

    def __init__(self, network: PyConvSE18, config: ExpressionConfig) -> None:
        super().__init__()
        self.network = network
        self.crowd_head = nn.Linear(network.fc.in_features, network.fc.out_features)
        self.config = config

    def forward(self, faces: Tensor, targets: Tensor, crowd: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.dropout(self.network.features(faces))
        fc = self.network.fc
        # Cosines times 30 need more than the eight bits of bfloat16.
        with torch.autocast(faces.device.type, enabled=False):
            features = features.float()
            loss = expression_loss(
                features,
                fc.weight,
                fc.bias,
                targets,
                self.config.cosine_weight,
                self.config.scale,
                self.config.margin,
                self.config.label_smoothing,
            )
            loss = loss + self.config.crowd_weight * crowd_loss(self.crowd_head(features), crowd)
            return loss, fc(features).detach()


@torch.no_grad()
def predict_logits(
    network: nn.Module, crops: np.ndarray, mean: float, std: float, batch_size: int = 256
) -> np.ndarray:
    """
    Classify face crops.

    :param network: maps (n, 1, size, size) to (n, 7); put in evaluation mode.
    :param crops: (N, size, size) uint8, or float32 in 0..1.
    :param mean: subtracted from the crops in 0..1.
    :param std: by which they are divided.
    :return: (N, 7) float32 logits.
    """
    network.eval()
    device = next(network.parameters()).device
    scale = 255 if crops.dtype == np.uint8 else 1
    logits = []
    for start in range(0, len(crops), batch_size):
        batch = crops[start : start + batch_size].astype(np.float32) / scale
        faces = torch.from_numpy((batch - np.float32(mean)) / np.float32(std))[:, None]
        faces = faces.to(device, memory_format=torch.channels_last)
        logits.append(network(faces).float().cpu())
    return torch.cat(logits).numpy()


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of rows of `logits` (N, 7) whose largest entry is the label's."""
    return float((logits.argmax(1) == labels).mean())


def _fingerprint(faces: Faces) -> str:
    """Return count and hash of images and labels."""
    return f'{len(faces)} {fingerprint(faces.images, faces.labels.astype(np.int64))}'


def _decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {'params': weights, 'weight_decay': weight_decay},
        {'params': others, 'weight_decay': 0.0},
    ]
