"""Vision systems in miniature: a two-stage detector with masks, a segmenter, and how both are measured."""
