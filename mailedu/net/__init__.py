"""Where acts are performed: the driver, and the two worlds it works in."""
