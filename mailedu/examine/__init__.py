"""Your own message: why did it pass, or fail?"""

from .capsule import Capsule
from .explanation import Explanation, explain
from .letter import NotAMessage
from .paste import paste

__all__ = ["Capsule", "Explanation", "NotAMessage", "explain", "paste"]
