"""The WS-Management faults that the lab can give, each with where its words come from.

Codes and reasons are those of the platform's own table of WS-Management errors (0x8033....),
which public headers carry; which fault a Server 2003 node picks is inferred where it says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_WSMAN_FAULT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
_ADDRESSING_FAULT = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"


@dataclass(frozen=True)
class Fault:
    """One fault.

    text: the WSManFault's message where it says more than the SOAP reason.
    source: captured, documented or inferred, as the README counts them.
    """

    code: int
    subcode: str
    reason: str
    role: str = "s:Sender"
    detail: str = ""
    message: str = ""
    action: str = _WSMAN_FAULT
    source: str = "documented"

    @property
    def text(self) -> str:
        """Return the longer message if there is one, else the reason."""
        return self.message or self.reason

    def saying(self, message: str) -> Fault:
        """Return the same fault with a message of its own."""
        return replace(self, message=message)


class FaultError(Exception):
    """Ends a request with a fault; `relates_to` is its MessageID where one could be read."""

    def __init__(self, fault: Fault, relates_to: str = "") -> None:
        """Keep both for the envelope."""
        super().__init__(fault.text)
        self.fault = fault
        self.relates_to = relates_to


TIMED_OUT = Fault(
    2150858793,
    "w:TimedOut",
    "The WS-Management service cannot complete the operation within the time specified in "
    "OperationTimeout.",
    role="s:Receiver",
)
SHELL_GONE = Fault(
    2150858843,
    "w:InvalidSelectors",
    "The WS-Management service cannot process the request because the request contained invalid "
    "selectors for the resource.",
    detail="http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors",
)
NO_SUCH_COMMAND = SHELL_GONE.saying(
    "The Windows Remote Shell received a request to perform an operation on a command identifier "
    "that does not exist. Either the command has completed execution or the client specified an "
    "invalid command identifier."
)
ABORTED = Fault(
    995,
    "w:InternalError",
    "The I/O operation has been aborted because of either a thread exit or an application request.",
    role="s:Receiver",
)
ACCESS_DENIED = Fault(5, "w:AccessDenied", "Access is denied.")
TOO_MANY_SHELLS = Fault(
    2150859173,
    "w:QuotaLimit",
    "The WS-Management service cannot process the request. The maximum number of concurrent shells "
    "for this user has been exceeded. Close existing shells or raise the quota for this user.",
)
NO_SUCH_RESOURCE = Fault(
    2150858752,
    "a:DestinationUnreachable",
    "The WS-Management service cannot process the request. The service cannot find the resource "
    "identified by the resource URI and selectors.",
    detail="http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidResourceURI",
    action=_ADDRESSING_FAULT,
)
NO_SUCH_ACTION = Fault(
    2150858771,
    "a:ActionNotSupported",
    "The WS-Management service does not support the action specified in the request.",
    action=_ADDRESSING_FAULT,
)
UNSUPPORTED = Fault(
    2150858818,
    "w:UnsupportedFeature",
    "The WS-Management service does not support the specified feature. Remove the unsupported "
    "feature from the request and retry.",
)
SCHEMA_ERROR = Fault(
    2150858817,
    "w:SchemaValidationError",
    "The SOAP XML in the message does not match the corresponding XML schema definition. "
    "Change the XML and retry.",
    source="inferred",
)
SOAP_VERSION = Fault(
    2150858765,
    "w:SchemaValidationError",
    "The WS-Management service does not support the SOAP version specified in the request.",
    role="s:VersionMismatch",
)
NOT_UNDERSTOOD = Fault(
    2150858768,
    "w:UnsupportedFeature",
    "The WS-Management service cannot process a SOAP header in the request that is marked as "
    "mustUnderstand by the client. This could be caused by the use of a version of the protocol "
    "which is not supported, or may be an incompatibility between the client and server "
    "implementations.",
    role="s:MustUnderstand",
)
MISSING_HEADER = Fault(
    2150858769,
    "a:MessageInformationHeaderRequired",
    "The WS-Management service cannot process the request. The request does not have all the "
    "expected SOAP headers.",
    action=_ADDRESSING_FAULT,
)
BAD_HEADERS = Fault(
    2150858767,
    "a:InvalidMessageInformationHeader",
    "The WS-Management service cannot process the request. The request contains one or more "
    "invalid SOAP headers.",
    action=_ADDRESSING_FAULT,
)
BAD_BODY = Fault(
    2150858791,
    "w:InvalidBody",
    "The WS-Management service cannot process the request because the request packet does not have "
    "a valid SOAP body.",
)
TIMEOUT_TOO_SHORT = Fault(
    2150858764,
    "w:UnsupportedFeature",
    "The WS-Management service does not support the specified timeout. The value specified is "
    "smaller than the minimum allowed value for this setting. Change the timeout value and try the "
    "request again.",
    detail="http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/OperationTimeout",
)
ENVELOPE_TOO_SMALL = Fault(
    2150858824,
    "w:EncodingLimit",
    "The response that the WS-Management service computed exceeds the maximum envelope size in the "
    "request.",
    detail="http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/MaxEnvelopeSize",
)
INTERNAL = Fault(
    1359,
    "w:InternalError",
    "An internal error occurred.",
    role="s:Receiver",
    source="inferred",
)
