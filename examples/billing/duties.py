"""
How this service carries out each obligation that its questions may come with.
"""

from collections.abc import Callable, Mapping
from functools import partial

from examples.billing.privacy import Duty, NotFulfilled, Permission, Question
from examples.billing.store import Carrier, Store


def duties(store: Callable[[], Store]) -> Mapping[str, Duty]:
    """
    List the duties by their obligations' ids.

    Args:
        store: Gives the store of the request that is served.
    """
    known = {
        "bind_third_party_to_relevant_law": bind_third_party,
        "limit_to_necessary_data": limit_to_necessary_data,
        "protect_in_transmission": protect_in_transmission,
        "remove_ip_link": remove_ip_link,
    }
    return {name: partial(_with_store, store, duty) for name, duty in known.items()}


def bind_third_party(store: Store, question: Question, permission: Permission) -> None:
    """
    Send the terms ahead to a carrier that signed them.

    Raises:
        NotFulfilled: It did not.
    """
    carrier = _carrier(store, question)
    if not carrier.bound:
        raise NotFulfilled()
    store.send(carrier, {"terms": "as signed", "decision": permission.decision_id})


def limit_to_necessary_data(store: Store, question: Question, permission: Permission) -> None:
    """
    Make sure that nothing goes out that the carrier's contract does not need.

    Raises:
        NotFulfilled: Something would.
    """
    if not set(permission.categories) <= set(_carrier(store, question).needs):
        raise NotFulfilled()


def protect_in_transmission(store: Store, question: Question, permission: Permission) -> None:
    """
    Make sure that what goes out is encrypted on its way.

    Raises:
        NotFulfilled: The carrier does not take it so.
    """
    if not _carrier(store, question).address.startswith("https://"):
        raise NotFulfilled()


def remove_ip_link(store: Store, question: Question, permission: Permission) -> None:
    """
    Cut the tie to the IP address.
    """
    store.forget_addresses(question.company)


def _with_store(
    store: Callable[[], Store],
    duty: Callable[[Store, Question, Permission], None],
    question: Question,
    permission: Permission,
) -> None:
    duty(store(), question, permission)


def _carrier(store: Store, question: Question) -> Carrier:
    carrier = store.carrier((question.recipient or {}).get("id", ""))
    if carrier is None:
        raise NotFulfilled()
    return carrier
