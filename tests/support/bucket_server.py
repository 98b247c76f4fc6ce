"""An S3 server on the loopback interface."""

from collections.abc import Iterator
from contextlib import contextmanager

# Without an account, and with another endpoint than Amazon's.
REGION = "us-east-1"


@contextmanager
def bucket_server() -> Iterator[str]:
    """Run a server; give its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def filled(address: str, bucket: str, files: dict[str, bytes]) -> None:
    """Make a bucket that anybody may read, and put files into it."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=address, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket=bucket, ACL="public-read")
    for name, content in files.items():
        client.put_object(Bucket=bucket, Key=name, Body=content, ACL="public-read")
    client.close()
