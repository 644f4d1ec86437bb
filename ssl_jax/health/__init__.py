"""Whether a run learns something: measures of collapse, and warnings in plain language."""
