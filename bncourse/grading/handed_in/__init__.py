"""What was handed in, and by whom."""
