"""Networks that learn, and how they are trained."""
