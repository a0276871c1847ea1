"""Stochastic processes and guidance; nothing here knows of hands."""
