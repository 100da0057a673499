"""Images in and out: pushed, pulled, copied, synchronised; and the login for other clients.

    source ──> contents ──> moving ──> destination
    (a layout, an archive,             (a repository, a layout,
     a repository)                      an archive)

A source gives manifests and blobs by digest, a destination says what it lacks and takes it. What is moved is
the same between any two of them, and so are the rules: blobs before manifests, images before their index, a
tag last.
"""
