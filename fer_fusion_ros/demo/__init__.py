"""What `fer_fusion demo` is made of: recording a run, and drawing what happened in it."""
