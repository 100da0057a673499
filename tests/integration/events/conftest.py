"""SQS queues of moto's server."""

import uuid
from collections.abc import Callable
from typing import Any

import attrs
import boto3
import pytest


@attrs.frozen
class SQS:
    """A queue whose messages go to another queue when they were received twice."""

    client: Any
    url: str
    dead_letters: str
    endpoint_url: str

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def count(self, url: str | None = None) -> int:
        """Return how many messages a queue holds, those that are invisible included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return sum(int(count) for count in found["Attributes"].values())


@pytest.fixture
def make_queue(moto: str) -> Callable[[], SQS]:
    """Return a function that makes a queue."""

    def make() -> SQS:
        client = boto3.client(
            "sqs",
            endpoint_url=moto,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        name = f"pushes-{uuid.uuid4().hex}"
        dead = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        redrive = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "2"}}'
        url = client.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
        return SQS(client, url, dead, moto)

    return make


@pytest.fixture
def queue(make_queue: Callable[[], SQS]) -> SQS:
    return make_queue()
