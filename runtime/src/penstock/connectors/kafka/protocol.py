"""Requests to Kafka's transaction coordinators that no client library offers: describe, list, end and fence by id.

Used by `transactions`. aiokafka brings connections, negotiation and encoding; two requests of KIP-664 are
spelled out here. Blocking from the outside: each call runs on an event loop of its own. Not thread-safe.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.transaction import EndTxnRequest, InitProducerIdRequest
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from penstock.connectors.kafka.errors import TransactionUnsettled
from penstock.connectors.kafka.properties import bootstrap_servers, protocol_client_arguments

T = TypeVar("T")

OK = 0
CONCURRENT_TRANSACTIONS = 51
INVALID_PRODUCER_EPOCH = 47
PRODUCER_FENCED = 90
INVALID_TXN_STATE = 48
INVALID_PRODUCER_ID_MAPPING = 49
TRANSACTIONAL_ID_NOT_FOUND = 105
# Coordinator loading, not available, not the coordinator, request timed out, concurrent transactions.
_ASK_AGAIN = {14, 15, 16, 7, CONCURRENT_TRANSACTIONS}
_Text = CompactString("utf-8")


@dataclass(frozen=True, slots=True)
class TransactionDescription:
    """What the coordinator knows of a transactional id; `state` is Kafka's word, empty for an unknown id."""

    transactional_id: str
    state: str
    producer_id: int
    producer_epoch: int
    timeout_ms: int


class _DescribeResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "states",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", _Text),
                ("state", _Text),
                ("timeout_ms", Int32),
                ("start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                (
                    "topics",
                    CompactArray(
                        ("topic", _Text), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeStruct(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    FLEXIBLE_VERSION = True
    API_KEY = 65
    API_VERSION = 0
    RESPONSE_TYPE = _DescribeResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(_Text)), ("tags", TaggedFields))


class _DescribeTransactions(Request[_DescribeStruct]):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 65

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = list(ids)

    def build(self, request_struct_class: type[_DescribeStruct]) -> _DescribeStruct:
        return request_struct_class(self._ids, {})


class _ListResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 66
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_state_filters", CompactArray(_Text)),
        (
            "states",
            CompactArray(
                ("transactional_id", _Text), ("producer_id", Int64), ("state", _Text), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class _ListStruct(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    FLEXIBLE_VERSION = True
    API_KEY = 66
    API_VERSION = 0
    RESPONSE_TYPE = _ListResponse
    SCHEMA = Schema(
        ("state_filters", CompactArray(_Text)),
        ("producer_id_filters", CompactArray(Int64)),
        ("tags", TaggedFields),
    )


class _ListTransactions(Request[_ListStruct]):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 66

    def __init__(self, states: Sequence[str]) -> None:
        self._states = list(states)

    def build(self, request_struct_class: type[_ListStruct]) -> _ListStruct:
        return request_struct_class(self._states, [], {})


class CoordinatorClient:
    """Talks to the transaction coordinators of one Kafka cluster. `deadline_seconds` bounds every call."""

    def __init__(self, properties: Mapping[str, Any], deadline_seconds: float = 60.0) -> None:
        self._properties = properties
        self._deadline = deadline_seconds
        self._runner: asyncio.Runner | None = None
        self._client: AIOKafkaClient | None = None

    def end(self, transactional_id: str, producer_id: int, producer_epoch: int, commit: bool) -> int:
        """Commit or abort; the coordinator's final error code."""
        request = EndTxnRequest(transactional_id, producer_id, producer_epoch, commit)
        return int(self._settled(transactional_id, request).error_code)

    def fence(self, transactional_id: str, timeout_ms: int) -> int:
        """Abort what is open under the id and bump its epoch, so that its old producers can do nothing more."""
        return int(
            self._settled(transactional_id, InitProducerIdRequest(transactional_id, timeout_ms)).error_code
        )

    def describe(self, transactional_id: str) -> TransactionDescription:
        """What the coordinator knows of the id."""

        async def ask(client: AIOKafkaClient) -> Any:
            request = _DescribeTransactions([transactional_id])
            return (await _ask_coordinator(client, transactional_id, request)).states[0]

        code, _, state, timeout_ms, _, producer_id, epoch, *_ = self._until_final(
            ask, lambda entry: int(entry[0])
        )
        if code not in (OK, TRANSACTIONAL_ID_NOT_FOUND):
            raise TransactionUnsettled(f"describing the transaction {transactional_id!r}: Kafka error {code}")
        return TransactionDescription(transactional_id, state, producer_id, epoch, timeout_ms)

    def list_ongoing(self, prefix: str) -> list[str]:
        """Transactional ids beginning with `prefix` that have an open transaction, from every broker."""
        return self._list(prefix, ["Ongoing"])

    def list_all(self, prefix: str) -> list[str]:
        """Transactional ids beginning with `prefix` that any broker knows."""
        return self._list(prefix, [])

    def _list(self, prefix: str, states: Sequence[str]) -> list[str]:

        async def ask(client: AIOKafkaClient) -> list[Any]:
            await client.fetch_all_metadata()
            nodes = [broker.nodeId for broker in client.cluster.brokers()]
            answers = []
            for node in nodes:
                await client.ready(node)
                answers.append(await client.send(node, _ListTransactions(states)))
            return answers

        answers = self._until_final(
            ask, lambda found: max((int(one.error_code) for one in found), default=OK)
        )
        for answer in answers:
            if answer.error_code != OK:
                raise TransactionUnsettled(f"listing transactions: Kafka error {answer.error_code}")
        return sorted(
            entry[0] for answer in answers for entry in answer.states if str(entry[0]).startswith(prefix)
        )

    def close(self) -> None:
        """Close connections and the loop."""
        self._disconnect()
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _settled(self, transactional_id: str, request: Request[Any]) -> Any:
        async def ask(client: AIOKafkaClient) -> Any:
            return await _ask_coordinator(client, transactional_id, request)

        return self._until_final(ask, lambda answer: int(answer.error_code))

    def _until_final(self, ask: Callable[[AIOKafkaClient], Awaitable[T]], code_of: Callable[[T], int]) -> T:
        end = time.monotonic() + self._deadline
        problem = "no answer"
        pause = 0.01
        while True:
            try:
                answer = self._run(ask)
                if code_of(answer) not in _ASK_AGAIN:
                    return answer
                problem = f"Kafka error {code_of(answer)}"
            except (KafkaError, OSError, TimeoutError) as error:
                problem = f"{type(error).__name__}: {error}"
                self._disconnect()
            if time.monotonic() > end:
                servers = bootstrap_servers(self._properties)
                raise TransactionUnsettled(
                    f"the transaction coordinator at {servers} gave no final answer in {self._deadline:g} s ({problem})"
                )
            time.sleep(pause)
            pause = min(pause * 2, 0.5)

    def _run(self, ask: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self._connected(ask))

    async def _connected(self, ask: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        if self._client is None:
            client = AIOKafkaClient(**protocol_client_arguments(self._properties))
            try:
                await client.bootstrap()
            except BaseException:
                await client.close()
                raise
            self._client = client
        return await ask(self._client)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._runner is not None:
            self._runner.run(client.close())


async def _ask_coordinator(client: AIOKafkaClient, transactional_id: str, request: Request[Any]) -> Any:
    node = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
    if not await client.ready(node):
        raise ConnectionError(f"no connection to the coordinator of {transactional_id!r}")
    return await client.send(node, request)
