"""`docker-credential-ecr-async`: logins for ECR, on demand, for docker, podman, skopeo and others that
speak their protocol.

    {"credHelpers": {"123456789012.dkr.ecr.eu-west-1.amazonaws.com": "ecr-async"}}

in `~/.docker/config.json` or `containers/auth.json`. See https://docs.docker.com/reference/cli/docker/login/#credential-helpers
"""
