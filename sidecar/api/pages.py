"""
Pages of a search's results (AuthZEN 1.0, section 8.2).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from sidecar.api.parse import Object, optional
from sidecar.canonical import canonical
from sidecar.errors import PageUnknown, WrongType


@dataclass(frozen=True, slots=True)
class Page:
    """
    Which part of the results is wanted.

    Attributes:
        token: Where the page before has ended; empty for the first.

        limit: How many results at most, where the caller says so.
    """

    token: str = ""
    limit: int | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Page":
        """
        Take it out of a search request.

        Raises:
            WrongType: Something is of a wrong type; a limit must be a whole number from 0.
        """
        page: Object = optional(body, "page", {})
        token = optional(page, "token", "", "/page")
        limit = _whole(page["limit"]) if "limit" in page else None
        optional(page, "properties", {}, "/page")
        return cls(token, limit)


class Pages:
    """
    Cuts results into pages. A token says where to go on, and in which search: it can neither be
    made up nor be used for another one.

    Args:
        key: What tokens are signed with; the same in all processes.

        largest: How many results a page holds at most.
    """

    def __init__(self, key: bytes, largest: int) -> None:
        self._tokens = URLSafeSerializer(
            key, salt="page", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._largest = largest

    def cut(
        self, results: Sequence[Any], page: Page, search: Sequence[Any]
    ) -> tuple[dict[str, Any], Sequence[Any]]:
        """
        Take one page.

        Args:
            results: All that was found, always in the same order.

            page: Which part is wanted.

            search: What was asked, and of which bundle: a token is good for no other.

        Returns:
            The `page` of the response, and the results in it.

        Raises:
            PageUnknown: The token is none of ours, or of another search.
        """
        asked = hashlib.sha256(canonical(search)).hexdigest()
        start, limit = 0, page.limit
        if page.token:
            start, limit = self._read(page, asked)
        end = start + min(self._largest if limit is None else limit, self._largest)
        rest = self._tokens.dumps([asked, end, limit]) if end < len(results) else ""
        held = results[start:end]
        return {"next_token": rest, "count": len(held), "total": len(results)}, held

    def _read(self, page: Page, asked: str) -> tuple[int, int | None]:
        try:
            token: tuple[str, int, int | None] = self._tokens.loads(page.token)
        except BadData as wrong:
            raise PageUnknown("/page/token") from wrong
        before, start, limit = token
        if before != asked:
            raise PageUnknown("/page/token")
        # The standard's own example leaves the limit out with a token: then it stays what it was.
        if page.limit not in (None, limit):
            raise PageUnknown("/page/limit")
        return start, limit


def _whole(limit: Any) -> int:
    """
    Take a limit. JSON has one kind of number: 2.0 is as whole as 2.
    """
    if type(limit) not in (int, float) or not limit >= 0 or limit != limit // 1:
        raise WrongType("/page/limit")
    return int(limit)


def without_place(body: Mapping[str, Any]) -> dict[str, Any]:
    """
    Take what of a request's `page` must not change from page to page.
    """
    page = body.get("page", {})
    return {name: value for name, value in page.items() if name not in ("token", "limit")}
