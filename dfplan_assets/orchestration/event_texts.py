"""An event of Dagster as the text that its event log stores, and that is what Dagster makes of it.

A step that materialises an asset says its metadata in two events. To serialise it takes longer than all else
of both, so its text is made once: the events are serialised with a mark in its place.
"""

from __future__ import annotations

import copy
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from dagster import (
    EventLogEntry,
    FloatMetadataValue,
    IntMetadataValue,
    MarkdownMetadataValue,
    MetadataValue,
    TableColumnLineageMetadataValue,
    TextMetadataValue,
)
from dagster._core.definitions.metadata import MetadataFieldSerializer
from dagster._serdes import serialize_value
from dagster_shared.serdes.serdes import (
    _WHITELIST_MAP,
    FieldSerializer,
    JsonSerializableValue,
    WhitelistMap,
)
from dagster_shared.seven.json import dumps

_HOLDERS = ("StepOutputData", "AssetMaterialization")
_FIELD = "metadata"
# Values that nobody can change between the two events.
_STEADY = frozenset(
    {
        FloatMetadataValue,
        IntMetadataValue,
        MarkdownMetadataValue,
        TableColumnLineageMetadataValue,
        TextMetadataValue,
    }
)
_REMEMBERED = 8  # steps run beside each other


class EventTexts:
    """Serialises events; one thread at a time."""

    def __init__(self) -> None:
        self._shared = _SharedMetadata()
        self._known = _WHITELIST_MAP
        self._serializers = 0

    def text(self, event: EventLogEntry) -> str:
        """What ``serialize_value`` gives of an event."""
        if self._serializers != len(_WHITELIST_MAP.object_serializers):
            # Classes that have been imported since want to be known, too.
            self._serializers = len(_WHITELIST_MAP.object_serializers)
            self._known = self._marking()
        self._shared.marked = []
        return self._shared.put_in(serialize_value(event, whitelist_map=self._known))

    def _marking(self) -> WhitelistMap:
        serializers = dict(_WHITELIST_MAP.object_serializers)
        for name in _HOLDERS:
            serializers[name] = copy.copy(serializers[name])
            fields = serializers[name].field_serializers
            serializers[name].field_serializers = {**fields, _FIELD: self._shared}
        return _WHITELIST_MAP._replace(object_serializers=serializers)


class _SharedMetadata(FieldSerializer):
    """Leaves a mark where an event has metadata, and puts its text in the mark's place afterwards."""

    storage_name = MetadataFieldSerializer.storage_name
    loaded_name = MetadataFieldSerializer.loaded_name

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex  # which no event has in its own texts
        self.marked: list[str] = []
        self._plain = MetadataFieldSerializer()
        self._texts: OrderedDict[tuple[tuple[str, int], ...], tuple[Sequence[MetadataValue], str]]
        self._texts = OrderedDict()

    def pack(
        self, metadata: Mapping[str, MetadataValue], whitelist_map: WhitelistMap, descent_path: str
    ) -> JsonSerializableValue:
        """A mark for metadata that two events can share; what Dagster makes of any other."""
        if not metadata or not all(type(value) in _STEADY for value in metadata.values()):
            return self._plain.pack(metadata, whitelist_map, descent_path)
        # By the objects themselves, which are kept: no other can have their numbers.
        key = tuple((label, id(value)) for label, value in metadata.items())
        known = self._texts.get(key)
        if known is None:
            text = dumps(self._plain.pack(metadata, whitelist_map, descent_path))
            known = self._texts[key] = (tuple(metadata.values()), text)
            if len(self._texts) > _REMEMBERED:
                self._texts.popitem(last=False)
        self.marked.append(known[1])
        return self._mark

    def unpack(self, *_: object, **__: object) -> None:
        """Nothing is read with this."""
        raise NotImplementedError

    def put_in(self, text: str) -> str:
        """The text of an event with its metadata in the place of the marks."""
        if not self.marked:
            return text
        pieces = text.split(f'"{self._mark}"')
        found = [pieces[0]]
        for metadata, rest in zip(self.marked, pieces[1:], strict=True):
            found += [metadata, rest]
        return "".join(found)
