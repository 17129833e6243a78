"""One module for each kind of picture: its public function, and its ``KIND``."""
