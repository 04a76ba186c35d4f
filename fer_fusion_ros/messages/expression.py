"""Expressions of faces as messages and markers."""

from collections.abc import Iterable, Sequence

import numpy as np
from geometry_msgs.msg import Point
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.labels import label_of
from fer_fusion_ros.messages.stamps import set_stamp
from fer_fusion_ros.msg import Expression, ExpressionArray, ExpressionStamped
from fer_fusion_ros.pipeline.overlay import caption_of, colour_of

MARKER_NAMESPACES = 'faces', 'expressions'
"""Of the heads and of what is written above them."""

HEAD = 0.16, 0.23, 0.18
"""Width, height and depth of a head in metres."""

LETTERS = 0.08
"""Height of a marker's letters in metres."""

MARKER_LIFETIME = 1.0
"""Seconds after which RViz removes a marker by itself, should the node have died."""


def make_header(stamp_ns: int, frame_id: str) -> Header:
    """Return a header with a stamp given in nanoseconds."""
    header = Header(frame_id=frame_id)
    set_stamp(header.stamp, stamp_ns)
    return header


def to_expression_stamped(
    face: FaceExpression, header: Header, latency: Duration, model: str
) -> ExpressionStamped:
    """Return the message of one face.

    :param header: capture stamp and optical frame of the face's side.
    :param latency: time passed from capture to now.
    :param model: name and content hash of the networks.
    """
    message = ExpressionStamped(
        header=header,
        face_id=face.face_id,
        expression=_to_expression(face.category, face.confidence, face.probabilities),
        raw=_to_expression(face.raw_category, face.raw_confidence, face.raw_probabilities),
        position=_to_point(face.position),
        distance=float(face.distance),
        modality=int(face.modality),
        lenses=int(face.lenses),
        illumination=float(face.illumination),
        latency=latency.to_msg(),
        model=model,
    )
    # The part of the box that is inside the image.
    x, y, width, height = face.box
    (left, right), (top, bottom) = (
        np.clip(np.round((start, start + length)), 0, end).astype(int)
        for start, length, end in zip((x, y), (width, height), face.image_size, strict=True)
    )
    message.roi.x_offset, message.roi.y_offset = int(left), int(top)
    message.roi.width, message.roi.height = int(right - left), int(bottom - top)
    return message


def to_expression_array(
    header: Header, expressions: Sequence[ExpressionStamped]
) -> ExpressionArray:
    """Return the message of all faces of a frame."""
    return ExpressionArray(header=header, expressions=list(expressions))


def to_marker_array(
    expressions: Iterable[ExpressionStamped],
    gone: Iterable[tuple[str, Header]],
    lifetime: float = MARKER_LIFETIME,
) -> MarkerArray:
    """Return a head in the colour of its expression for each face whose position is known.

    Above it stand label and confidence.

    :param gone: face ids, with the header of their last message, whose markers are to go.
    :param lifetime: seconds after which RViz removes the markers by itself.
    """
    markers = []
    for message in expressions:
        if np.isnan(message.position.z):
            continue
        expression, position = message.expression, message.position
        head, text = _markers(message.face_id, message.header, Marker.ADD)
        for marker in (head, text):
            marker.pose.orientation.w = 1.0
            marker.lifetime = Duration(seconds=lifetime).to_msg()
        head.type = Marker.SPHERE
        head.pose.position = position
        head.scale.x, head.scale.y, head.scale.z = HEAD
        blue, green, red = (value / 255 for value in colour_of(expression.category))
        head.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        text.type = Marker.TEXT_VIEW_FACING
        above = position.y - HEAD[1] / 2 - 1.5 * LETTERS  # down is positive
        text.pose.position = Point(x=position.x, y=above, z=position.z)
        text.scale.z = LETTERS
        text.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        # RViz tears words in one line far apart.
        text.text = caption_of(expression.category, expression.confidence).replace(' ', '\n')
        markers += [head, text]
    for face_id, header in gone:
        markers += _markers(face_id, header, Marker.DELETE)
    return MarkerArray(markers=markers)


def _to_expression(category: int, confidence: float, probabilities: np.ndarray) -> Expression:
    return Expression(
        category=int(category),
        label=label_of(category),
        confidence=float(confidence),
        probabilities=np.asarray(probabilities, np.float32),
    )


def _to_point(position: np.ndarray | None) -> Point:
    x, y, z = (float('nan'),) * 3 if position is None else map(float, position)
    return Point(x=x, y=y, z=z)


def _markers(face_id: str, header: Header, action: int) -> list[Marker]:
    number = int(face_id.rsplit('-', 1)[-1])
    return [
        Marker(header=header, ns=namespace, id=number, action=action)
        for namespace in MARKER_NAMESPACES
    ]
