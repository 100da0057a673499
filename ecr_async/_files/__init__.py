"""Files that are whole or not there, and locks on them. Everything here blocks: use it off the event loop."""
