"""The login for docker, podman, skopeo and others, which speak to a registry by themselves."""
