"""Pretraining in miniature: a self-distilled CNN, a masked vision transformer, and probes of what they learnt."""
