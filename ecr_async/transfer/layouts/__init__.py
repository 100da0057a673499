"""Images in files: OCI layouts and `docker save` archives, in folders and tar archives."""
