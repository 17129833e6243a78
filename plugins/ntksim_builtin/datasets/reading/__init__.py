"""Reading arrays from files, never from pickles."""
