"""Images in and out: pushed, pulled, copied, synchronised; and the login for other clients.

    source ──> contents ──> moving ──> destination
    (a layout, an archive,             (a repository, a layout,
     a repository)                      an archive)

A source gives manifests and blobs by digest, a destination says what it lacks and stores it. The same rules
hold between any two of them: blobs before manifests, images before their index, a tag last.

Here stand what users call (`push`, `pull`, `copy`) and the four steps. `layouts` is images in files,
`repositories` images in ECR, `sync` many of them at once, `login` the way in for other clients.
"""
