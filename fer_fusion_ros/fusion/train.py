"""Train the fusion generator against a Wasserstein critic."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from fer_fusion_ros.exceptions import CheckpointError, ConfigurationError, DataError
from fer_fusion_ros.fusion import quality_losses
from fer_fusion_ros.fusion.discriminator import STRIDES, WIDTHS, Discriminator
from fer_fusion_ros.fusion.generator import PRESETS, Generator
from fer_fusion_ros.fusion.losses import (
    adversarial_loss,
    content_loss,
    critic_loss,
    gradient_penalty,
    ssim,
)
from fer_fusion_ros.fusion.metrics import SMALLEST, measure
from fer_fusion_ros.fusion.pairs import Pair
from fer_fusion_ros.fusion.patches import Batch, Patches, Scenes
from fer_fusion_ros.image_files import imwrite
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

#: Figures whose sum chooses the best epoch. SCD is not among them, as it is at its highest while a
#: network still merely adds the images.
SELECTION = ('Qabf', 'VIF')

_SAVED = (
    'config',
    'epoch',
    'best',
    'generator',
    'critic',
    'generator_optimiser',
    'critic_optimiser',
    'ema',
)


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's losses; the first four are the paper's.

    :param adversarial: of equation (7).
    :param content: lambda of equation (2).
    :param alpha: of the likeness to the infrared image in equation (3).
    :param beta: of the texture of the visible image in equation (3).
    :param temperature: of the differentiable LBP, in units of [-1, 1].
    :param similarity: of 1 - SSIM, averaged over both sources.
    :param edges: of 1 - Qabf.
    :param information: of -VIF, summed over both sources.
    :param complement: of -SCD.
    :raises ConfigurationError: if a weight is negative, or the temperature is not positive.
    """

    adversarial: float = 1.0
    content: float = 100.0
    alpha: float = 1.0
    beta: float = 5.0
    temperature: float = 0.05
    similarity: float = 0.0
    edges: float = 0.0
    information: float = 0.0
    complement: float = 0.0

    def __post_init__(self) -> None:
        weights = dict.fromkeys((field.name for field in fields(self)), '[0, inf)')
        check_ranges(self, {**weights, 'temperature': '(0, inf)'})


@dataclass(frozen=True)
class CriticConfig:
    """The critic and its training.

    :param widths: filters of its six convolutions.
    :param patch: height and width of what it sees, the centre of each patch; at least 29.
    :param steps: critic steps per generator step.
    :param learning_rate: Adam's.
    :param penalty: lambda_1 of equation (8).
    :raises ConfigurationError: if a number is out of its range, or there are not six widths.
    """

    widths: tuple[int, ...] = WIDTHS
    patch: int = 64
    steps: int = 5
    learning_rate: float = 1e-4
    penalty: float = 10.0

    def __post_init__(self) -> None:
        if len(self.widths) != len(STRIDES):
            raise ConfigurationError(
                f'widths is {list(self.widths)}; it must be {len(STRIDES)} numbers.'
            )
        check_ranges(
            self,
            {
                'widths': '[1, inf)',
                'patch': '[29, inf)',
                'steps': '[1, inf)',
                'learning_rate': '(0, inf)',
                'penalty': '[0, inf)',
            },
        )


@dataclass(frozen=True)
class FusionConfig:
    """A recipe for the fusion generator.

    :param preset: a key of `generator.PRESETS`.
    :param epochs: number of epochs, each followed by a validation and a checkpoint.
    :param steps: generator steps per epoch.
    :param batch_size: patches per step over all processes.
    :param patch: height and width of the patches; at least 41, as VIF asks for.
    :param learning_rate: highest one of the generator's Adam, after the warm-up.
    :param warmup: steps of the linear rise; half a cosine down to zero follows.
    :param ema: decay of the average of the generator's weights.
    :param losses: weights of the losses.
    :param critic: the critic.
    :param scenes: light and faces.
    :param validation: most pairs to measure after an epoch, spread evenly over all.
    :param precision: Fabric's name, such as `bf16-mixed`.
    :param seed: of everything random.
    :raises ConfigurationError: if there is no such preset, or a number is out of its range.
    """

    preset: str = 'paper'
    epochs: int = 30
    steps: int = 500
    batch_size: int = 16
    patch: int = 96
    learning_rate: float = 1e-3
    warmup: int = 200
    ema: float = 0.998
    losses: LossWeights = field(default_factory=LossWeights)
    critic: CriticConfig = field(default_factory=CriticConfig)
    scenes: Scenes = field(default_factory=Scenes)
    validation: int = 16
    precision: str = '32-true'
    seed: int = 0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigurationError(
                f'preset is {self.preset!r}; choose one of {", ".join(PRESETS)}.'
            )
        check_ranges(
            self,
            {
                'epochs': '[1, inf)',
                'steps': '[1, inf)',
                'batch_size': '[1, inf)',
                # Pairs to validate on are at least as large, so that they can be measured too.
                'patch': f'[{SMALLEST}, inf)',
                'learning_rate': '(0, inf)',
                'warmup': '[0, inf)',
                'ema': '[0, 1]',
                'validation': '[1, inf)',
                'seed': SEED,
            },
        )


class Trainer:
    """Train on some pairs, select on others.

    Gradients are averaged over the processes of `torchrun` here and not by a wrapper, because a
    gradient penalty differentiates the critic twice.

    :param config: the recipe.
    :param train: pairs to learn from.
    :param validation: pairs by whose figures the best weights are chosen, and which are drawn.
    :param folder: gets checkpoints, logs, curves and fused validation images.
    :param faces: (M, h, w) uint8 visible faces for `Scenes.faces`.
    :param fabric: a launched Fabric; made from the config by default.
    :raises DataError: if there are no pairs to train or to validate on.
    :raises ConfigurationError: if the critic's patch is larger than the patches, or the batch
        cannot be shared evenly.
    """

    def __init__(
        self,
        config: FusionConfig,
        train: Sequence[Pair],
        validation: Sequence[Pair],
        folder: str | Path,
        faces: np.ndarray | None = None,
        fabric: Fabric | None = None,
    ) -> None:
        for pairs, purpose in ((train, 'train'), (validation, 'validate')):
            if not pairs:
                raise DataError(f'There are no pairs to {purpose} on; give a folder with more.')
        if config.critic.patch > config.patch:
            raise ConfigurationError(
                f'critic.patch is {config.critic.patch}; it cannot exceed patch, {config.patch}.'
            )
        self.config = config
        self.validation = validation[:: -(-len(validation) // config.validation)]
        self.folder = Path(folder)
        self.fabric = fabric or make_fabric(config.precision)
        if config.batch_size % self.fabric.world_size:
            raise ConfigurationError(
                f'batch_size is {config.batch_size}; it must be a multiple of the number of '
                f'processes, {self.fabric.world_size}.'
            )
        self.patches = Patches(train, config.patch, config.scenes, faces, config.seed)
        torch.manual_seed(config.seed)
        self.generator = self.fabric.to_device(Generator.from_preset(config.preset))
        self.critic = self.fabric.to_device(
            Discriminator(config.critic.patch, config.critic.widths)
        )
        self.generator_optimiser = torch.optim.Adam(
            self.generator.parameters(), config.learning_rate
        )
        # Adam without momentum, as WGAN-GP asks for.
        self.critic_optimiser = torch.optim.Adam(
            self.critic.parameters(), config.critic.learning_rate, betas=(0.0, 0.9)
        )
        self.ema = Ema(self.generator, config.ema)
        self.epoch = 0
        self.best = -np.inf
        self.selection = _fingerprint(self.validation)
        self.data = {
            'pairs': _fingerprint(train),
            'faces': None if faces is None else fingerprint(faces),
        }

    @property
    def last(self) -> Path:
        """The checkpoint that a training resumes from."""
        return last_checkpoint(self.folder)

    def resume(self) -> None:
        """Continue from the last checkpoint.

        :raises CheckpointError: if there is none, or its networks are others.
        """
        state = load_checkpoint(self.last, 'fusion training', _SAVED)
        theirs, ours = _networks(state['config']), _networks(asdict(self.config))
        if theirs != ours:
            raise CheckpointError(
                f'{self.last} holds the networks {theirs}, but the config asks for {ours}. '
                'Choose another output folder.'
            )
        self.generator.load_state_dict(state['generator'])
        self.critic.load_state_dict(state['critic'])
        self.generator_optimiser.load_state_dict(state['generator_optimiser'])
        self.critic_optimiser.load_state_dict(state['critic_optimiser'])
        # The recipe may have changed; the state holds the former one's rate. The generator's is
        # set at each step.
        self.critic_optimiser.param_groups[0]['lr'] = self.config.critic.learning_rate
        self.ema.load_state_dict(state['ema'])
        self.epoch, self.best = state['epoch'], state['best']
        # Older checkpoints tell neither the pairs to select on nor the training data.
        if state.get('selection', self.selection) != self.selection:
            self.best = -np.inf
            if self.fabric.is_global_zero:
                print('Selecting on other pairs than before, so the best score starts anew.')
        if self.fabric.is_global_zero:
            report_differences(state['config'], asdict(self.config))
            report_other_data(state.get('data', {}), self.data)

    def start_from(self, generator: Generator) -> None:
        """Start with the weights of a trained generator; the critic starts with random ones.

        :raises CheckpointError: if its shape is another.
        """
        try:
            self.generator.load_state_dict(generator.state_dict())
        except RuntimeError as error:
            raise CheckpointError(
                f'The weights to start from are not of the preset {self.config.preset} ({error}).'
            ) from error
        self.ema.network.load_state_dict(generator.state_dict())

    def fit(self) -> float:
        """Train to the last epoch.

        :return: the best sum of the figures of `SELECTION` on the validation pairs.
        :raises CheckpointError: if it does not resume, but the folder holds another training.
        :raises ConfigurationError: if the training diverged; nothing is saved of that epoch.
        """
        if not self.epoch:
            refuse_to_overwrite(self.folder)
        config, first = self.config, self.fabric.is_global_zero
        panels = [
            ['train/generator', 'train/content'],
            ['train/critic', 'train/penalty'],
            [*SELECTION, 'SCD'],
        ]
        history = History(self.folder, self.epoch, panels) if first else None
        total, done = config.epochs * config.steps, self.epoch * config.steps
        with progress_bar(total, done, 'step', 'training', first) as bar:
            while self.epoch < config.epochs:
                started = time.monotonic()
                figures = self._train_epoch(bar)
                self.epoch += 1
                for name, value in figures.items():
                    if not math.isfinite(value):
                        raise ConfigurationError(
                            f'The training diverged in epoch {self.epoch}: the mean of {name} is '
                            f'{value}. Lower learning_rate, {config.learning_rate:g}, or '
                            f'critic.learning_rate, {config.critic.learning_rate:g}.'
                        )
                if history:
                    patches = config.steps * config.batch_size
                    figures['patches_per_second'] = patches / (time.monotonic() - started)
                    figures.update(self._validate())
                    history.add(self.epoch, figures)
                    self._save(sum(figures[name] for name in SELECTION))
                    bar.set_postfix_str(
                        f'epoch {self.epoch} '
                        + ' '.join(f'{name} {figures[name]:.3f}' for name in SELECTION)
                    )
                self.fabric.barrier()
        if history:
            history.close()
        return self.best

    def generator_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the generator's gradients for this process's share of a batch.

        :return: the losses, scalars.
        """
        weights = self.config.losses
        self.generator_optimiser.zero_grad()
        self.critic.requires_grad_(False)
        with self.fabric.autocast():
            fused = self.generator(batch.ir, batch.vis)
        fused = fused.float()
        structure, texture = batch.structure, batch.texture
        content = content_loss(
            fused, structure, texture, weights.alpha, weights.beta, weights.temperature
        )
        loss = weights.content * content
        if weights.adversarial:
            with self.fabric.autocast():
                loss = loss + weights.adversarial * adversarial_loss(
                    self.critic(self._centre(fused))
                )
        if weights.similarity:
            likeness = (ssim(fused, structure) + ssim(fused, texture)) / 2
            loss = loss + weights.similarity * (1 - likeness.mean())
        if weights.edges:
            kept = quality_losses.edge_preservation(fused, structure, texture)
            loss = loss + weights.edges * (1 - kept.mean())
        if weights.information:
            told = quality_losses.visual_information(fused, structure)
            told = told + quality_losses.visual_information(fused, texture)
            loss = loss - weights.information * told.mean()
        if weights.complement:
            added = quality_losses.complementarity(fused, structure, texture)
            loss = loss - weights.complement * added.mean()
        self.fabric.backward(loss)
        self._average_gradients(self.generator)
        return {'train/generator': loss.detach(), 'train/content': content.detach()}

    def critic_step(self, batch: Batch, mix: Tensor) -> dict[str, Tensor]:
        """Compute the critic's gradients for this process's share of a batch.

        :param mix: (N,) see `losses.gradient_penalty`.
        :return: the losses, scalars.
        """
        self.critic_optimiser.zero_grad()
        self.critic.requires_grad_(True)
        ir, vis, visible = (self._centre(x) for x in (batch.ir, batch.vis, batch.texture))
        with torch.no_grad(), self.fabric.autocast():
            fused = self.generator(ir, vis).float()
        with self.fabric.autocast():
            distance = critic_loss(self.critic(visible), self.critic(fused))
        penalty = gradient_penalty(self.critic, visible, fused, mix)
        self.fabric.backward(distance + self.config.critic.penalty * penalty)
        self._average_gradients(self.critic)
        return {'train/critic': distance.detach(), 'train/penalty': penalty.detach()}

    def batch(self, number: int) -> tuple[Batch, Tensor]:
        """Return this process's share of a batch and of the critic's interpolation weights."""
        size = self.config.batch_size
        numbers = range(number * size, (number + 1) * size)
        mix = torch.rand(size, generator=torch.Generator().manual_seed(number))
        mine = slice(self.fabric.global_rank, None, self.fabric.world_size)
        batch = self.patches.batch(numbers[mine])
        tensors = (batch.ir, batch.vis, batch.structure, batch.texture)
        return Batch(*self.fabric.to_device(tensors)), self.fabric.to_device(mix[mine])

    def _train_epoch(self, bar: tqdm) -> dict[str, float]:
        config = self.config
        critic_steps = config.critic.steps if config.losses.adversarial else 0
        sums: dict[str, Tensor] = {}
        for step in range(self.epoch * config.steps, (self.epoch + 1) * config.steps):
            factor = warmup_cosine(step, config.epochs * config.steps, config.warmup)
            self.generator_optimiser.param_groups[0]['lr'] = config.learning_rate * factor
            figures = {}
            for turn in range(critic_steps):
                batch, mix = self.batch(step * (critic_steps + 1) + turn)
                figures = self.critic_step(batch, mix)
                self.critic_optimiser.step()
            batch, _ = self.batch(step * (critic_steps + 1) + critic_steps)
            figures = {**figures, **self.generator_step(batch)}
            # The strengthless edges of flat patches have steep gradients.
            nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
            self.generator_optimiser.step()
            self.ema.update(self.generator)
            for name, value in figures.items():
                sums[name] = sums.get(name, 0) + value
            bar.update()
        return {name: float(value) / config.steps for name, value in sums.items()}

    def _centre(self, patches: Tensor) -> Tensor:
        """Cut out what the critic sees."""
        size = self.config.critic.patch
        start = (self.config.patch - size) // 2
        return patches[..., start : start + size, start : start + size]

    def _average_gradients(self, network: nn.Module) -> None:
        if self.fabric.world_size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = self.fabric.all_reduce(torch.cat([g.flatten() for g in gradients]))
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def _validate(self) -> dict[str, float]:
        """Measure the averaged generator, and draw infrared, visible and fused side by side."""
        figures, folder = [], self.folder / 'validation' / f'epoch_{self.epoch:03}'
        folder.mkdir(parents=True, exist_ok=True)
        for number, pair in enumerate(self.validation):
            fused = fuse(self.ema.network, pair.ir, pair.vis)
            figures.append(measure(pair.ir, pair.vis, fused))
            if number < 8:
                image = np.hstack([pair.ir, pair.vis, fused])
                imwrite(folder / f'{pair.full_name}.jpg', image)
        return {name: float(np.mean([row[name] for row in figures])) for name in figures[0]}

    def _save(self, score: float) -> None:
        better = score > self.best
        if better:
            self.best = score
        state = {
            'config': asdict(self.config),
            'epoch': self.epoch,
            'best': self.best,
            'selection': self.selection,
            'data': self.data,
            'generator': self.generator.state_dict(),
            'critic': self.critic.state_dict(),
            'generator_optimiser': self.generator_optimiser.state_dict(),
            'critic_optimiser': self.critic_optimiser.state_dict(),
            'ema': self.ema.state_dict(),
        }
        # The best first: a resume from the last trusts that the weights of its best score exist.
        if better:
            save_checkpoint(self.folder / 'best.ckpt', state)
        save_checkpoint(self.last, state)


def _fingerprint(pairs: Sequence[Pair]) -> str:
    return fingerprint(*(image for pair in pairs for image in (pair.ir, pair.vis)))


def _networks(config: dict) -> dict:
    """Return what of a configuration gives the networks their shape."""
    critic = config['critic']
    return {'preset': config['preset'], 'widths': critic['widths'], 'patch': critic['patch']}


@torch.no_grad()
def fuse(generator: nn.Module, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    """Fuse one pair.

    :param ir: (H, W) uint8.
    :param vis: (H, W) uint8.
    :return: (H, W) uint8.
    """
    device = next(generator.parameters()).device
    images = torch.from_numpy(np.stack([ir, vis]).astype(np.float32)).to(device)
    images = images[:, None, None] / 127.5 - 1
    fused = generator(images[0], images[1])[0, 0].cpu().numpy()
    return np.clip(np.rint((fused + 1) * 127.5), 0, 255).astype(np.uint8)
