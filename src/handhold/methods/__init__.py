"""Ways to make and mend grasps; siblings that never import each other."""
