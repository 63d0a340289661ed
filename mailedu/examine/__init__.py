"""Your own message: why did it pass, or fail?"""

from .capsule import Capsule
from .explanation import Explanation, explain

__all__ = ["Capsule", "Explanation", "explain"]
