"""handhold makes virtual hands hold things."""
