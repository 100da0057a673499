"""Many images at once: the images of whole repositories, brought to where they are missing,
in one registry or in many.

    selection ──> plan ──────> repository ──> run ──────────> results
    (which)       (what to do, (one, at each  (all of them)   (what became
                  without I/O) destination)                   of each)
"""
