"""From ROS messages to arrays and back, and how they travel."""
