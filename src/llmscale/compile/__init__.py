"""Making the shipped tables; the only room that may know all others."""
