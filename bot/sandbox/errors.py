"""What the sandbox says no with, in GitHub's own words and statuses."""

from typing import Any


class Refused(Exception):
    """A request that GitHub would refuse. REST answers `status` and this body; GraphQL makes an error of it."""

    def __init__(self, status: int, message: str, errors: "list[Any] | None" = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    @classmethod
    def validation(cls, resource: str, field: str, code: str, message: str | None = None) -> "Refused":
        """422 Validation Failed, with the one error that GitHub lists."""
        error: dict[str, Any] = {"resource": resource, "field": field, "code": code}
        if message is not None:
            error = {"resource": resource, "code": "custom", "message": message}
        return cls(422, "Validation Failed", [error])


def not_found() -> Refused:
    """404 as GitHub says it."""
    return Refused(404, "Not Found")
