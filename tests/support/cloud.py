"""What an operator sees of the deployed stack: AWS clients through localstack-client, with the operator's keys."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localstack_client.session import Session

from tonearm_local.stack import Outputs

JSON = dict[str, Any]


@dataclass(frozen=True)
class Cloud:
    """The operator's view."""

    outputs: Outputs

    def client(self, service: str) -> Any:
        """A client of the emulator (or of whatever AWS_ENDPOINT_URL names)."""
        session = Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            aws_session_token=None,
            region_name=self.outputs.region,
            localstack_host=self.outputs.endpoint_url.removeprefix("http://"),
        )
        return session.client(service)

    @cached_property
    def dynamodb(self) -> Any:
        """DynamoDB."""
        return self.client("dynamodb")

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self.client("s3")

    @cached_property
    def sqs(self) -> Any:
        """SQS."""
        return self.client("sqs")

    @cached_property
    def states(self) -> Any:
        """Step Functions."""
        return self.client("stepfunctions")

    def row(self, owner_id: str, sort_key: str) -> JSON | None:
        """A row of the studio table, as DynamoDB words it."""
        key = {"pk": {"S": f"OWNER#{owner_id}"}, "sk": {"S": sort_key}}
        found = self.dynamodb.get_item(TableName=self.outputs.studio_table, Key=key, ConsistentRead=True)
        return found.get("Item")

    def rows(self, owner_id: str, kind: str = "") -> list[JSON]:
        """Every row of an owner, or those of a kind: `TRACK#`, `JOB#`."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.outputs.studio_table,
            KeyConditionExpression="pk = :pk" + (" AND begins_with(sk, :kind)" if kind else ""),
            ExpressionAttributeValues={":pk": {"S": f"OWNER#{owner_id}"}} | ({":kind": {"S": kind}} if kind else {}),
        )
        return [row for page in pages for row in page["Items"]]

    def executions(self, job_id: str) -> list[JSON]:
        """Executions of a job: one, or none."""
        return [found for found in self.all_executions() if found["name"] == job_id]

    def all_executions(self) -> list[JSON]:
        """Executions of all jobs."""
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs.state_machine_arn)
        return [found for page in pages for found in page["executions"]]

    def steps(self, execution_arn: str) -> list[str]:
        """Names of the steps that an execution entered, in order."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages
            for event in page["events"]
            if event["type"] == "TaskStateEntered"
        ]

    def tell_of_upload(self, key: str) -> None:
        """Put S3's event of an upload into the queue, as EventBridge words it."""
        event = {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": self.outputs.uploads_bucket}, "object": {"key": key, "size": 1}},
        }
        self.sqs.send_message(QueueUrl=self.outputs.jobs_queue_url, MessageBody=json.dumps(event))

    def waiting_in(self, queue_url: str) -> int:
        """How many messages lie in a queue, under way or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def sweep(self, *, grace_seconds: float = 0.0, amid_work: bool = False) -> JSON:
        """What a sweep of `reconcile` did; without grace it looks at all that waits, however young.

        Amid work it may meet a row that a step is writing; it tells of it after all others, and the next sweep goes on.
        """
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs.function_names["reconcile"],
            Payload=json.dumps({"grace_seconds": grace_seconds}),
        )
        said = json.loads(answer["Payload"].read())
        collided = amid_work and said.get("errorType") == "ExceptionGroup"
        assert "FunctionError" not in answer or collided, said
        return dict(said)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Keys under a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def json_object(self, bucket: str, key: str) -> JSON:
        """A JSON document in a bucket."""
        return dict(json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()))


@dataclass
class Tap:
    """A queue that is subscribed to the job events, as an operator's own consumer would be."""

    cloud: Cloud
    queue_url: str
    queue_arn: str
    subscription_arn: str
    seen: list[JSON]

    @classmethod
    def opened(cls, cloud: Cloud, name: str) -> "Tap":
        """A new queue on the topic, raw delivery."""
        topic = cloud.outputs.job_events_topic_arn
        queue_url = cloud.sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = cloud.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
            ],
        }
        cloud.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps(policy)})
        subscription = cloud.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue_arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return cls(cloud, queue_url, queue_arn, subscription, [])

    def closed(self) -> None:
        """Take the queue off the topic and away."""
        self.cloud.client("sns").unsubscribe(SubscriptionArn=self.subscription_arn)
        self.cloud.sqs.delete_queue(QueueUrl=self.queue_url)

    def events(self, job_id: str) -> list[JSON]:
        """Every event of this job that has been delivered so far, doubles and all."""
        while messages := self.cloud.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self.seen.append(json.loads(message["Body"]))
                self.cloud.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in self.seen if event["job_id"] == job_id]
