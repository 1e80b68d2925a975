"""What an author writes made ready for learners: notebooks from their sources, and in other languages."""
