"""How good masks are: labelled data, their classes, and the figures that are measured on them."""
