"""What the evaluators and servers cost, beside the programs they are measured against.  Not part of the package."""
