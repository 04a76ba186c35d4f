"""The ROS nodes: each declares parameters, converts messages and calls the core."""
