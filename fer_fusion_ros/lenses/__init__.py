"""Lenses: what each one is called and knows about itself, and where its images come from."""
