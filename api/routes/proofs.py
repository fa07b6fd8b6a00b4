"""Proofs over HTTP, for whoever holds a checkpoint: a batch, a row of the audit log, an award."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.auth.keys import require
from api.http.errors import refusal
from api.http.operation import operation
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.routes.settlements import EntityCode, SettlementNumber
from api.schemas.proof import AwardProof, Proof, RowProof
from meter.database.connect import driver
from settlement.checkpoint.proof import Prover
from settlement.errors import NoProof

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/proofs", tags=["operations"])
LARGEST = 2**63
Size = Annotated[
    int | None, Query(ge=1, lt=LARGEST, description="How many leaves the checkpoint has [default: the last one made].")
]
CODES = ("NO_CHECKPOINT", "NOT_COVERED")


@ROUTER.get("/batches/{batch}")
@operation(Proof, scope="audit:read", codes=CODES)
async def get_batch_proof(
    request: Request,
    batch: Annotated[int, Path(description="The number of the batch.", ge=1, lt=LARGEST, examples=[1])],
    size: Size = None,
) -> Any:
    """Prove that a batch is in a checkpoint; its leaf names its digest."""
    return await _proved(request, size, lambda prover: prover.batch(batch))


@ROUTER.get("/audit/{row}")
@operation(RowProof, scope="audit:read", codes=CODES)
async def get_audit_proof(
    request: Request,
    row: Annotated[int, Path(description="The number (`seq`) of the row.", ge=1, lt=LARGEST, examples=[1])],
    size: Size = None,
) -> Any:
    """Prove that a row of the audit log is in a checkpoint."""
    return await _proved(request, size, lambda prover: prover.audit(row))


@ROUTER.get("/settlements/{number}/lines/{uscc}")
@operation(AwardProof, scope="audit:read", codes=(*CODES, "NO_SUCH_LINE"))
async def get_award_proof(request: Request, number: SettlementNumber, uscc: EntityCode, size: Size = None) -> Any:
    """Prove that an award is in a checkpoint, as it was when its settlement was run."""
    return await _proved(request, size, lambda prover: prover.award(number, uscc))


async def _proved(request: Request, size: int | None, ask: Callable[[Prover], Awaitable[dict[str, Any]]]) -> Any:
    require(await as_caller(request), "audit:read")
    try:
        async with service_of(request).engine.connect() as held:
            return await ask(await Prover.of(await driver(held), size))
    except NoProof as error:
        raise refusal(error.code, error.detail, otherwise=404) from None
