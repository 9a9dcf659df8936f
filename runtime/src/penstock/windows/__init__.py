"""Windows: what they are, which a record belongs to, when they give their result. Pure."""
