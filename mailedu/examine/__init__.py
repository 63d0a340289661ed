"""Your own message: why did it pass, or fail?"""

from .capsule import Capsule
from .cases import capsule_of, cases
from .explanation import Explanation, explain
from .letter import NotAMessage
from .paste import paste

__all__ = ["Capsule", "Explanation", "NotAMessage", "capsule_of", "cases", "explain", "paste"]
