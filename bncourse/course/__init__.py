"""What the course consists of: its chapters and exercises, their notebooks, and where they lie."""
