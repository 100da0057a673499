"""Many images at once: the images of whole repositories, brought to where they are missing.

selection ──> plan ──> run ──> results
(which)       (what to do,     (what became
without I/O)     of each)
"""
