"""The kinds of failure that the store knows. Who faces people turns each kind into its own answer."""


class StoreError(Exception):
    """What went wrong, in a sentence for people; `code` names it for machines."""

    code = "store_error"

    def __init__(self, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code or type(self).code


class NotFound(StoreError):
    """There is no such thing, or not for the one who asks."""

    code = "not_found"


class Conflict(StoreError):
    """It is there, but in a state that does not allow this."""

    code = "conflict"


class Invalid(StoreError):
    """What was asked makes no sense by itself."""

    code = "invalid"


class Unavailable(StoreError):
    """The database or the storage cannot be reached or used now."""

    code = "unavailable"


class SchemaBehind(Unavailable):
    """The database has not had the migrations that this code needs."""

    code = "schema_behind"


class SchemaAhead(Unavailable):
    """The database was migrated by newer code than this."""

    code = "schema_ahead"
