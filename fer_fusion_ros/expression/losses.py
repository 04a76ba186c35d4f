"""The paper's classification losses, equations (10)-(12)."""

from torch import Tensor
from torch.nn import functional as F


def large_margin_cosine(
    features: Tensor, weight: Tensor, targets: Tensor, scale: float = 30.0, margin: float = 0.35
) -> Tensor:
    """
    Large-margin cosine loss (CosFace), equation (11).

    :param features: (N, D) float, input of the last fully connected layer; only its direction
        matters.
    :param weight: (C, D) float, that layer's weight; only the directions of its rows matter.
    :param targets: (N, C) float, each row a distribution, one-hot where a label is certain.
    :param scale: s, the factor on the cosines.
    :param margin: m, what is taken from the cosine of the true class, and of others in proportion
        to how probable they are. With 0 this is cross entropy over scaled cosines.
    :return: scalar, mean over the batch.
    """
    cosine = F.normalize(features) @ F.normalize(weight).T
    return F.cross_entropy(scale * (cosine - margin * targets), targets)


def expression_loss(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    cosine_weight: float = 0.1,
    scale: float = 30.0,
    margin: float = 0.35,
    label_smoothing: float = 0.0,
) -> Tensor:
    """
    Cross entropy plus weighted large-margin cosine loss on one shared layer, equation (12).

    :param features: (N, D) float, input of the last fully connected layer.
    :param weight: (C, D) float, that layer's weight.
    :param bias: (C,) float, that layer's bias, which the cosine term ignores.
    :param targets: (N, C) float, each row a distribution, one-hot where a label is certain.
    :param cosine_weight: λ; the paper sets 0.1.
    :param scale: s of the cosine term.
    :param margin: m of the cosine term.
    :param label_smoothing: share of the target spread evenly over the classes.
    :return: scalar, mean over the batch.
    """
    logits = F.linear(features, weight, bias)
    loss = F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    if cosine_weight:
        loss = loss + cosine_weight * large_margin_cosine(features, weight, targets, scale, margin)
    return loss


def crowd_loss(logits: Tensor, crowd: Tensor) -> Tensor:
    """
    Cross entropy between a crowd's distributions and what is told of them.

    :param logits: (N, C) float.
    :param crowd: (N, C) float, each row a distribution, or zeros where there are no votes.
    :return: scalar, mean over the batch; rows without votes count as zero.
    """
    return -(crowd * logits.log_softmax(1)).sum(1).mean()
