"""Second opinions: what other people's libraries say of the same message, at run time."""
