"""What can be wrong with a store."""


class StoreError(Exception):
    """Base of everything that can be wrong with a store."""


class StoreInUse(StoreError):  # noqa: N818 - reads as the sentence that it is
    """Another process is writing this store."""


class StoreUnusable(StoreError):  # noqa: N818 - as above
    """What lies at the path cannot be read or replaced; the message says why and what to do."""


class NotAStore(StoreUnusable):
    """There is something else, or nothing, at the path."""


class NewerStore(StoreUnusable):
    """The store was written in a format that this version does not know."""


class OtherStudy(StoreUnusable):
    """The store is that of another study."""


class DamagedStore(StoreUnusable):
    """The store's files do not hold what was written."""


class ForeignFiles(StoreUnusable):
    """The store's directory holds files that ntksim did not write and would have to delete."""


class DamagedCell(StoreError):  # noqa: N818 - as above
    """A record of the journal does not hold what was written."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"the record of cell {key} is damaged: {reason}")
        self.key = key
        self.reason = reason

    def __reduce__(self) -> tuple[type["DamagedCell"], tuple[str, str]]:
        return DamagedCell, (self.key, self.reason)
