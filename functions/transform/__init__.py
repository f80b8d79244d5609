"""Transform: make the render that the recipe asks for."""
