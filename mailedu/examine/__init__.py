"""Your own message: why did it pass, or fail?"""

from .capsule import Capsule
from .explanation import Explanation, explain
from .paste import paste

__all__ = ["Capsule", "Explanation", "explain", "paste"]
