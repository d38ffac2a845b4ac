"""
Our error tree:

* SidecarError
  x RequestError             400  the request is not AuthZEN
    + BadContentType              it is not said to be JSON
    + MalformedJson               it is not JSON
    + NotAnObject                 it is JSON, but no object
    + MissingAttribute            names the path of what is absent
    + WrongType                   names the path of what is of a wrong type
    + UnknownSemantic             names the path of the semantic
    + NestingTooDeep
    + TooManyEvaluations
    + PageUnknown                 names the path of a page that is none of this search
    + Unauthenticated        401  the caller is not known
    + Forbidden              403  the caller is known, and may not ask this
    + RouteUnknown           403  no route says what a proxy's request asks for
    + PathAmbiguous          403  servers may read the path in several ways
    + RouteValueUnusable     403  a route takes a value that the request does not hold
    + ObligationNotCarriedOut 403 the permission has a duty that nobody does
    + NotFound               404
    + MethodNotAllowed       405
    + BodyTooLarge           413
    + TooManyRequests        429
  x EngineError              503  no decision was made; never a refusal
    + EngineUnreachable           nobody listens where OPA should
    + EngineTimeout               OPA did not answer in time
    + EngineBusy                  no connection to OPA came free in time
    + EngineFailed                OPA answered with an error status
    + EngineNonsense              what answered is not OPA
    + EvaluationFailed            a builtin failed, or rules contradict each other
    + DecisionUndefined           OPA answered, the policy did not
    + DecisionMalformed           the policy answered in another shape
    + BundleNotActive             OPA holds no bundle that decides
    + BundleStale                 the active bundle was confirmed too long ago
    + BundleRefused               an OPA elsewhere decides by a bundle that is not fit
    + KeysUnavailable             there are no keys to verify tokens with
    + RoutesNotUsable             the route table does not fit the active bundle
    + RecordsNotKept              no record of the decision could be kept
  x InternalError            500  a fault of our own
  x SettingsError                 stops the start: exit code 2
  x MissingPart                   stops the start: exit code 3

The code is the body's `code`, the log's `code` and the metric's label. Messages are fixed
sentences: neither what a caller sent nor an exception's text ever gets into a body. What stops the
start has no caller yet, and says what it is about.
"""

import math
from collections.abc import Mapping
from typing import ClassVar


class SidecarError(Exception):
    """
    Anything that the sidecar raises on purpose.

    Attributes:
        code: The error's name for programs.

        status: The HTTP status that it is answered with.

        message: The error's sentence for people.

        path: JSON pointer to the part of the request that is wrong, where there is one.

        headers: What else the answer's head says.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    sentence: ClassVar[str] = "Something went wrong."

    def __init__(self, path: str | None = None) -> None:
        super().__init__(self.sentence)
        self.message = self.sentence
        self.path = path
        self.headers: Mapping[str, str] = {}

    def described(self) -> dict[str, str]:
        """
        Return code, message and, where there is one, path: the `error` of a body.
        """
        about = {"code": self.code, "message": self.message}
        return about if self.path is None else {**about, "path": self.path}


class RequestError(SidecarError):
    """
    The request is not AuthZEN.
    """

    code = "bad_request"
    status = 400
    sentence = "The request is not an AuthZEN request."


class BadContentType(RequestError):
    """
    The body is not said to be JSON.
    """

    code = "bad_content_type"
    sentence = "The request's content type must be application/json."


class MalformedJson(RequestError):
    """
    The body is not JSON.
    """

    code = "malformed_json"
    sentence = "The request's body is not valid JSON."


class NotAnObject(RequestError):
    """
    The body is JSON, but no object.
    """

    code = "not_an_object"
    sentence = "The request's body must be a JSON object."


class MissingAttribute(RequestError):
    """
    A required attribute is absent.
    """

    code = "missing_attribute"
    sentence = "A required attribute is missing."


class WrongType(RequestError):
    """
    An attribute is of a wrong type.
    """

    code = "wrong_type"
    sentence = "An attribute is of the wrong type."


class UnknownSemantic(RequestError):
    """
    `options.evaluations_semantic` is none that the standard knows.
    """

    code = "unknown_semantic"
    sentence = "The evaluations semantic is not a known one."


class NestingTooDeep(RequestError):
    """
    The body is nested more deeply than is taken.
    """

    code = "nesting_too_deep"
    sentence = "The request's body is nested too deeply."


class TooManyEvaluations(RequestError):
    """
    The batch holds more evaluations than are taken at once.
    """

    code = "too_many_evaluations"
    sentence = "The request holds too many evaluations."

    def __init__(self, path: str | None = "/evaluations") -> None:
        super().__init__(path)


class PageUnknown(RequestError):
    """
    `page` asks for what is no page of this search: the search was another one, or the bundle was.
    """

    code = "page_unknown"
    sentence = "There is no such page of this search: start it again."


class BodyTooLarge(RequestError):
    """
    The body is larger than is taken.
    """

    code = "body_too_large"
    status = 413
    sentence = "The request's body is too large."


class Unauthenticated(RequestError):
    """
    The caller has no credential, or none that is good. The answer says how to be known (RFC 6750,
    section 3).

    Args:
        path: Never there.

        sent: Whether there was a token.
    """

    code = "unauthenticated"
    status = 401
    sentence = "The caller is not known."

    def __init__(self, path: str | None = None, sent: bool = False) -> None:
        super().__init__(path)
        wrong = ', error="invalid_token"' if sent else ""
        self.headers = {"WWW-Authenticate": f'Bearer realm="sidecar"{wrong}'}


class Forbidden(RequestError):
    """
    The caller is known, and may not ask this.
    """

    code = "forbidden"
    status = 403
    sentence = "The caller may not ask this."


class RouteUnknown(RequestError):
    """
    No route of the table says what a proxy's request asks for.
    """

    code = "route_unknown"
    status = 403
    sentence = "The request is on no route."


class PathAmbiguous(RequestError):
    """
    Servers may read the path or the method of a proxy's request in several ways.
    """

    code = "path_ambiguous"
    status = 403
    sentence = "The request's path or method may be read in several ways."


class RouteValueUnusable(RequestError):
    """
    A route takes a value of the request that is not there, or is of another type.
    """

    code = "route_value_unusable"
    status = 403
    sentence = "The request lacks a value that its route needs, or has it of another type."


class ObligationNotCarriedOut(RequestError):
    """
    A permission has an obligation that neither a proxy nor the route's server carries out.
    """

    code = "obligation_not_carried_out"
    status = 403
    sentence = "The permission has an obligation that this route does not carry out."


class TooManyRequests(RequestError):
    """
    The caller asks more often than is taken. The answer says when it may again.

    Args:
        path: Never there.

        retry_after_s: How long to wait, in seconds.
    """

    code = "too_many_requests"
    status = 429
    sentence = "The caller asks too often."

    def __init__(self, path: str | None = None, retry_after_s: float = 1.0) -> None:
        super().__init__(path)
        self.headers = {"Retry-After": str(math.ceil(retry_after_s))}


class NotFound(RequestError):
    """
    There is no such endpoint.
    """

    code = "not_found"
    status = 404
    sentence = "There is nothing here."


class MethodNotAllowed(RequestError):
    """
    The endpoint does not take this method.
    """

    code = "method_not_allowed"
    status = 405
    sentence = "This method is not allowed here."


class EngineError(SidecarError):
    """
    No decision was made. Never a refusal, and never a permission.
    """

    code = "engine_error"
    status = 503
    sentence = "No decision was made."


class EngineUnreachable(EngineError):
    """
    OPA cannot be reached, or the connection broke.
    """

    code = "engine_unreachable"
    sentence = "No decision was made: the policy engine cannot be reached."


class EngineTimeout(EngineError):
    """
    OPA did not answer in time.
    """

    code = "engine_timeout"
    sentence = "No decision was made: the policy engine did not answer in time."


class EngineBusy(EngineError):
    """
    No connection to OPA came free in time.
    """

    code = "engine_busy"
    sentence = "No decision was made: the policy engine is busy."


class EngineFailed(EngineError):
    """
    OPA answered with an error status.
    """

    code = "engine_failed"
    sentence = "No decision was made: the policy engine answered with an error."


class EngineNonsense(EngineError):
    """
    What answered is no JSON, or nothing that OPA would say.
    """

    code = "engine_nonsense"
    sentence = "No decision was made: the policy engine's answer makes no sense."


class EvaluationFailed(EngineError):
    """
    A builtin failed, or two rules contradict each other.
    """

    code = "evaluation_failed"
    sentence = "No decision was made: the policy failed on this evaluation."


class DecisionUndefined(EngineError):
    """
    OPA answered, the policy did not.
    """

    code = "decision_undefined"
    sentence = "No decision was made: the policy has no answer to this evaluation."


class DecisionMalformed(EngineError):
    """
    The policy's answer is neither a boolean nor an object with a decision.
    """

    code = "decision_malformed"
    sentence = "No decision was made: the policy's answer is malformed."


class BundleNotActive(EngineError):
    """
    OPA holds no bundle that decides.
    """

    code = "bundle_not_active"
    sentence = "No decision was made: no policy bundle is active."


class BundleStale(EngineError):
    """
    The active bundle was last confirmed too long ago.
    """

    code = "bundle_stale"
    sentence = "No decision was made: the policy bundle has not been confirmed for too long."


class BundleRefused(EngineError):
    """
    OPA, which runs elsewhere, has made a bundle active that is not good enough.
    """

    code = "bundle_refused"
    sentence = "No decision was made: the active policy bundle is not fit to decide."


class KeysUnavailable(EngineError):
    """
    There are no keys to verify tokens with: they could never be fetched, or read.
    """

    code = "keys_unavailable"
    sentence = "No decision was made: the keys that tokens are verified with are not to be had."


class RoutesNotUsable(EngineError):
    """
    The route table uses terms that the active bundle does not know.
    """

    code = "routes_not_usable"
    sentence = "No decision was made: the route table does not fit the active policy bundle."


class RecordsNotKept(EngineError):
    """
    No record of the decision could be kept, and without one it is not told.
    """

    code = "records_not_kept"
    sentence = "No decision was made: no record of it could be kept."


class InternalError(SidecarError):
    """
    A fault of our own.
    """

    code = "internal_error"
    status = 500
    sentence = "The request could not be processed."


class SettingsError(SidecarError):
    """
    A setting, or a file that a setting names, is wrong.

    Args:
        message: What is wrong, where, and what would be right.
    """

    code = "settings_error"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        super().__init__()
        self.args = (message,)
        self.message = message


class MissingPart(SidecarError):
    """
    Something that is needed is not to be had.

    Args:
        message: What is missing, and what to do.
    """

    code = "missing_part"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str) -> None:
        super().__init__()
        self.args = (message,)
        self.message = message


def codes(root: type[SidecarError] = SidecarError) -> frozenset[str]:
    """
    Collect the codes of a class and all below it: they bound a metric's label.
    """
    return frozenset({root.code}).union(*map(codes, root.__subclasses__()))
