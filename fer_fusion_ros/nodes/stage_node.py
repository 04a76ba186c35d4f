"""What every node of this package does beside its work: topics, watchdog, diagnostics."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from fer_fusion_ros.exceptions import FerFusionError
from fer_fusion_ros.messages.qos import PUBLISHER_QOS
from fer_fusion_ros.nodes.parameters import declare

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

MISSING_AFTER = 3.0
"""Seconds from the start after which a silent topic is reported."""

COMPLAINT_PERIOD = 10.0
"""Seconds after which the same complaint is made again."""

COMPRESSED = '/compressed'
"""What the topics of compressed images end in, after image_transport."""

POLICIES = {
    'history': HistoryPolicy,
    'reliability': ReliabilityPolicy,
    'durability': DurabilityPolicy,
}
"""What of a topic's QoS parameters can override, beside its depth."""

OVERRIDABLE = [QoSPolicyKind[name.upper()] for name in (*POLICIES, 'depth')]

MAX_DEPTH = 10_000
"""Largest depth that a topic can be given."""


class StageNode(Node):
    """A node under the namespace /fer that says what is wrong with its topics.

    - Every topic takes QoS overrides (parameters ``qos_overrides.<topic>...``).
    - A subscribed topic that is still silent :data:`MISSING_AFTER` seconds after the start, or
      as long after it was advertised, is reported, again and again, with the cause (nobody
      publishes it, or incompatible QoS) and the cure.
    - :meth:`complain` logs a recurring fault once per :data:`COMPLAINT_PERIOD`.
    - Once per second :meth:`diagnose` is asked for values, published on ``/diagnostics``.
    """

    def __init__(self, name: str, **node_arguments: Any) -> None:
        super().__init__(name, namespace='fer', **node_arguments)
        self._complaints: dict[str, float] = {}
        # With the topic as the node names it: what looks it up in the graph remaps it once more.
        self._silent: dict[str, tuple[str, Subscription]] = {}
        self._advertised: set[str] = set()  # of the silent topics, when last looked for
        self._watches: list[Callable[[], None]] = []  # of topics that are not always subscribed
        self._diagnostics = self.advertise(DiagnosticArray, '/diagnostics', PUBLISHER_QOS)
        # For what must also run when simulated time stands still.
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._start = self.create_timer(0.0, self._watch_topics, clock=self.steady_clock)
        self.create_timer(1.0, self._publish_diagnostics, clock=self.steady_clock)

    def diagnose(self) -> tuple[list[str], dict[str, Any]]:
        """Return what was wrong since the last call, and figures. To be overridden."""
        return [], {}

    def subscribe(
        self,
        message_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
    ) -> Subscription:
        """Subscribe to a topic, and report it as long as it is silent.

        :raises ParameterError: when a QoS override cannot be used.
        """

        def on_message(message: Any) -> None:
            if self._silent:
                self._silent.pop(subscription.topic_name, None)
            callback(message)

        def on_incompatible(_: Any) -> None:
            self._report_incompatible(topic, subscription)

        self._declare_qos(topic, 'subscription', qos)
        subscription = self.create_subscription(
            message_type,
            topic,
            on_message,
            copy(qos),  # overrides are written into it
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=on_incompatible),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )
        self._silent[subscription.topic_name] = topic, subscription
        return subscription

    def subscribe_while(
        self,
        wanted: Callable[[], bool],
        message_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile,
    ) -> None:
        """Subscribe to a topic whenever it is wanted, which is looked after twice a second.

        :raises ParameterError: when a QoS override cannot be used.
        """
        subscription: Subscription | None = None

        def watch() -> None:
            nonlocal subscription
            if wanted() == (subscription is not None):
                return
            if subscription is None:
                subscription = self.subscribe(message_type, topic, callback, qos)
            else:
                self._silent.pop(subscription.topic_name, None)
                self._advertised.discard(subscription.topic_name)
                self.destroy_subscription(subscription)
                subscription = None

        self._declare_qos(topic, 'subscription', qos)
        if not self._watches:
            self.create_timer(0.5, self._watch_wanted, clock=self.steady_clock)
        self._watches.append(watch)

    def advertise(self, message_type: type, topic: str, qos: QoSProfile) -> Publisher:
        """Create a publisher whose QoS can be overridden by parameters.

        :raises ParameterError: when a QoS override cannot be used.
        """

        def on_incompatible(_: Any) -> None:
            for other in self.get_subscriptions_info_by_topic(topic):
                offered, asked = publisher.qos_profile, other.qos_profile
                if qos_check_compatible(offered, asked)[0] == QoSCompatibility.ERROR:
                    self.complain(
                        f'qos {publisher.topic_name} {other.node_name}',
                        f'{publisher.topic_name}: {_name_of(other)} hears nothing, it asks '
                        f'for {_policies(asked)} and this node offers {_policies(offered)}; '
                        'change its QoS, or set qos_overrides.'
                        f'{publisher.topic_name}.publisher.* of this node',
                    )

        self._declare_qos(topic, 'publisher', qos)
        publisher = self.create_publisher(
            message_type,
            topic,
            copy(qos),  # overrides are written into it
            event_callbacks=PublisherEventCallbacks(incompatible_qos=on_incompatible),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )
        return publisher

    def complain(self, key: str, message: str) -> bool:
        """Log a warning, unless one with the same ``key`` was logged a short while ago.

        :return: whether it was logged.
        """
        now = time.monotonic()
        if now - self._complaints.get(key, -COMPLAINT_PERIOD) < COMPLAINT_PERIOD:
            return False
        self._complaints[key] = now
        self.get_logger().warning(message)
        return True

    def on_error(self, error: Exception) -> None:
        """Report an error met in work that must go on: ours in a line, others with their trace."""
        if isinstance(error, FerFusionError):
            self.complain(str(error), str(error))
        else:
            trace = ''.join(traceback.format_exception(error))
            self.complain(trace.splitlines()[-1], f'unexpected error, going on:\n{trace}')

    def age(self, stamp_ns: int) -> Duration:
        """Return the time that passed on the node's clock since ``stamp_ns``, at least 0."""
        return Duration(nanoseconds=max(0, self.get_clock().now().nanoseconds - stamp_ns))

    def _declare_qos(self, topic: str, kind: str, qos: QoSProfile) -> None:
        # rclpy would end in a traceback for a wrong value; it takes what is declared already.
        topic = self.resolve_topic_name(topic)
        prefix = f'qos_overrides.{topic}.{kind}'
        if self.has_parameter(f'{prefix}.depth'):
            return
        of = f'of the {kind} of {topic}'
        for name, values in POLICIES.items():
            choices = [each.name.lower() for each in values if each.name != 'UNKNOWN']
            default = getattr(qos, name).name.lower()
            declare(self, f'{prefix}.{name}', default, f'{name} {of}', choices=choices)
        declare(self, f'{prefix}.depth', qos.depth, f'depth {of}', range=(1, MAX_DEPTH))

    def _watch_topics(self) -> None:
        # From now on, as nothing could be heard while the networks were loaded.
        self._start.cancel()
        self.create_timer(MISSING_AFTER, self._report_silent, clock=self.steady_clock)

    def _watch_wanted(self) -> None:
        for watch in self._watches:
            watch()

    def _report_silent(self) -> None:
        if self.get_parameter('use_sim_time').value and not self.get_clock().now().nanoseconds:
            self.complain(
                '/clock',
                'use_sim_time is set and nothing came on /clock yet: play the bag with --clock, '
                'or set use_sim_time to false',
            )
        if not self._silent:
            return
        unpublished: dict[str, list[str]] = {}
        otherwise: dict[str, list[str]] = {}
        advertised: dict[tuple[str, bool], list[str]] = {}
        types = dict(self.get_topic_names_and_types())
        for topic, (declared, subscription) in self._silent.items():
            publishers = self.get_publishers_info_by_topic(declared)
            if not publishers and self._is_published_elsewhere(_sibling(topic)):
                otherwise.setdefault(_transport(_sibling(topic)), []).append(topic)
            elif not publishers:
                unpublished.setdefault(types[topic][0], []).append(topic)
            elif not self._report_incompatible(declared, subscription):
                names = ', '.join(sorted({_name_of(other) for other in publishers}))
                latched = DurabilityPolicy.TRANSIENT_LOCAL
                once = all(other.qos_profile.durability == latched for other in publishers)
                advertised.setdefault((names, once), []).append(topic)
        for (names, once), topics in advertised.items():
            # The first message of a driver, or of a bag, may take a while.
            if muted := [topic for topic in topics if topic in self._advertised]:
                self._report_muted(muted, names, once)
        self._advertised = {topic for topics in advertised.values() for topic in topics}
        for transport, topics in otherwise.items():
            self.complain(
                f'transport {transport}',
                f'no message yet, nobody publishes {", ".join(topics)}, but '
                f'there is {", ".join(map(_sibling, topics))}; '
                f'set -p image_transport:={transport}',
            )
        for kind, topics in unpublished.items():
            others = [name for name, kinds in types.items() if kind in kinds]
            offered = sorted(name for name in others if self._is_published_elsewhere(name))
            # Those that appeared only now are no longer missed.
            topics = [topic for topic in topics if topic not in offered]
            if not topics:
                continue
            self.complain(
                f'unpublished {kind}',
                f'no message yet, nobody publishes {", ".join(topics)}; start what does, or '
                f'remap another {kind} with -r {self._silent[topics[0]][0]}:=<topic>; there are: '
                f'{", ".join(offered[:8]) or "none"}',
            )

    def _report_muted(self, topics: Sequence[str], names: str, once: bool) -> None:
        cure = 'see whether it runs and gets images'
        if once:
            latched = {'durability': 'transient_local', 'reliability': 'reliable'}
            overrides = ' '.join(_overrides(topic, latched) for topic in topics)
            cure += f', or if it publishes but once, set {overrides}'
        self.complain(
            f'muted {names} {once}',
            f'no message yet, although {names} publishes {", ".join(topics)}; {cure}',
        )

    def _report_incompatible(self, declared: str, subscription: Subscription) -> bool:
        found = False
        topic = subscription.topic_name
        for other in self.get_publishers_info_by_topic(declared):
            asked, offered = subscription.qos_profile, other.qos_profile
            if qos_check_compatible(offered, asked)[0] == QoSCompatibility.ERROR:
                found = True
                differing = {
                    name: getattr(offered, name).name.lower()
                    for name in ('reliability', 'durability')
                    if getattr(offered, name) != getattr(asked, name)
                }
                self.complain(
                    f'qos {topic} {other.node_name}',
                    f'{topic}: this node hears nothing from {_name_of(other)}, which offers '
                    f'{_policies(offered)} while this node asks for {_policies(asked)}; set '
                    f'{_overrides(topic, differing)} here, or change the publisher',
                )
        return found

    def _is_published_elsewhere(self, topic: str) -> bool:
        # A name of the graph: counting, unlike asking by whom, does not remap it once more.
        own = sum(publisher.topic_name == topic for publisher in self.publishers)
        return self.count_publishers(topic) > own

    def _publish_diagnostics(self) -> None:
        problems, values = self.diagnose()
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if problems else DiagnosticStatus.OK,
            name=self.get_fully_qualified_name(),
            message='; '.join(problems) or 'ok',
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _name_of(other: TopicEndpointInfo) -> str:
    # The name can arrive later than the endpoint.
    return 'a node' if 'UNKNOWN' in other.node_name else f'node {other.node_name!r}'


def _sibling(topic: str) -> str:
    """Return the topic of the same images in the other transport."""
    return topic.removesuffix(COMPRESSED) if topic.endswith(COMPRESSED) else topic + COMPRESSED


def _transport(topic: str) -> str:
    return 'compressed' if topic.endswith(COMPRESSED) else 'raw'


def _overrides(topic: str, policies: Mapping[str, str]) -> str:
    """Return the arguments that give the subscription of a topic other policies."""
    prefix = f'-p qos_overrides.{topic}.subscription'
    return ' '.join(f'{prefix}.{name}:={policy}' for name, policy in policies.items())


def _policies(qos: QoSProfile) -> str:
    return f'{qos.reliability.name.lower()}, {qos.durability.name.lower()}'
