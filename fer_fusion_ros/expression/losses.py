"""The paper's classification losses, equations (10)-(12)."""

from torch import Tensor
from torch.nn import functional as F


def large_margin_cosine(
    features: Tensor, weight: Tensor, labels: Tensor, scale: float = 30.0, margin: float = 0.35
) -> Tensor:
    """
    Large-margin cosine loss (CosFace), equation (11).

    :param features: (N, D) float, input of the last fully connected layer; only its direction
        matters.
    :param weight: (C, D) float, that layer's weight; only the directions of its rows matter.
    :param labels: (N,) int64 in 0..C-1.
    :param scale: s, the factor on the cosines.
    :param margin: m, what is taken from the cosine of the true class. With 0 this is cross
        entropy over scaled cosines.
    :return: scalar, mean over the batch.
    """
    cosine = F.normalize(features) @ F.normalize(weight).T
    own = F.one_hot(labels, len(weight)).to(cosine.dtype)
    return F.cross_entropy(scale * (cosine - margin * own), labels)


def expression_loss(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    labels: Tensor,
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
    :param labels: (N,) int64 in 0..C-1.
    :param cosine_weight: λ; the paper sets 0.1.
    :param scale: s of the cosine term.
    :param margin: m of the cosine term.
    :param label_smoothing: share of the target spread evenly over the classes.
    :return: scalar, mean over the batch.
    """
    logits = F.linear(features, weight, bias)
    loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    if cosine_weight:
        loss = loss + cosine_weight * large_margin_cosine(features, weight, labels, scale, margin)
    return loss


def crowd_loss(logits: Tensor, crowd: Tensor) -> Tensor:
    """
    Cross entropy between a crowd's distributions and what is told of them.

    :param logits: (N, C) float.
    :param crowd: (N, C) float, each row a distribution, or zeros where there are no votes.
    :return: scalar, mean over the batch; rows without votes count as zero.
    """
    return -(crowd * logits.log_softmax(1)).sum(1).mean()
