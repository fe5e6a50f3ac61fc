"""Questions whose answers are held: a figure that moves shows in the diff of a test, to be read and explained."""
