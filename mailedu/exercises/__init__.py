"""Exercises that are proved by mail, one file a lesson; and what else a lesson is made of: guesses and controls."""

from .controls import controls
from .guess import predict

__all__ = ["controls", "predict"]
