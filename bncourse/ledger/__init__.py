"""What the pages measured: entries, costs, verdicts, stored runs."""
