"""Names of the inputs and outputs of ops, where Dagster cannot make them of asset keys.

Dagster names an op's outputs and inputs after the keys of its assets and of what these read. It refuses a
name that is a word of its own or of Python (a view ``type``, a source ``input``) or holds anything but ASCII
letters, digits and underscores, and of two keys with one name (``raw.orders`` and ``raw_orders``) it forgets
one without a word, and with it the order of their steps. So an op is made with stand-ins for such keys, which
give way to the keys as soon as its inputs and outputs have their names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import dagster as dg
from dagster._core.definitions.assets.definition.assets_definition import stringify_asset_key_to_input_name
from dagster._core.definitions.utils import is_valid_name


@dataclass(frozen=True)
class PortNames:
    """The stand-ins of an op, by the keys that they stand for; none where Dagster's own names do."""

    stand_ins: Mapping[dg.AssetKey, dg.AssetKey]

    @staticmethod
    def of(keys: Iterable[dg.AssetKey]) -> PortNames:
        """Stand-ins for those of the keys of an op that cannot give a name."""
        names = {key: (stringify_asset_key_to_input_name(key), key.to_python_identifier()) for key in keys}
        inputs = Counter(name for name, _ in names.values())
        outputs = Counter(name for _, name in names.values())
        return PortNames(
            {
                key: _stand_in(key)
                for key, (of_input, of_output) in names.items()
                if inputs[of_input] > 1
                or outputs[of_output] > 1
                or not (is_valid_name(of_input) and is_valid_name(of_output))
            }
        )

    @staticmethod
    def of_specs(specs: Iterable[dg.AssetSpec]) -> PortNames:
        """Stand-ins for an op that makes these assets."""
        return PortNames.of(
            {key for spec in specs for key in (spec.key, *(dep.asset_key for dep in spec.deps))}
        )

    @staticmethod
    def of_checks(checks: Iterable[dg.AssetCheckSpec]) -> PortNames:
        """Stand-ins for an op that makes nothing but these checks."""
        return PortNames.of(
            {
                key
                for spec in checks
                for key in (spec.asset_key, *(dep.asset_key for dep in spec.additional_deps))
            }
        )

    def on(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        """The asset with stand-ins in place of keys."""
        if not self.stand_ins:
            return spec
        return spec.replace_attributes(
            key=self._of(spec.key),
            deps=[dep._replace(asset_key=self._of(dep.asset_key)) for dep in spec.deps],
        )

    def on_check(self, check: dg.AssetCheckSpec) -> dg.AssetCheckSpec:
        """The check with a stand-in for its asset, as an op has it that makes the asset too."""
        return check.replace_key(check.key.replace_asset_key(self._of(check.asset_key)))

    def on_check_apart(self, check: dg.AssetCheckSpec) -> dg.AssetCheckSpec:
        """The check with stand-ins for its asset and what it waits for, as an op of its own has it."""
        if not self.stand_ins:
            return check
        return dg.AssetCheckSpec(
            check.name,
            asset=self._of(check.asset_key),
            additional_deps=[self._of(dep.asset_key) for dep in check.additional_deps],
        )

    def restore(self, made: dg.AssetsDefinition) -> dg.AssetsDefinition:
        """What was made with stand-ins, with the keys in their place."""
        if not self.stand_ins:
            return made
        return made.with_attributes(asset_key_replacements=self._keys())

    def restore_checks(
        self, made: dg.AssetChecksDefinition, checks: Iterable[dg.AssetCheckSpec]
    ) -> dg.AssetChecksDefinition:
        """What was made with stand-ins in place of keys of these checks, with the checks as they are."""
        if not self.stand_ins:
            return made
        keys, op = self._keys(), made.node_def
        assert isinstance(op, dg.OpDefinition)  # made of a function
        restored: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
            keys_by_input_name={
                name: keys.get(key, key) for name, key in made.node_keys_by_input_name.items()
            },
            node_def=op,
            check_specs_by_output_name={
                self.on_check_apart(check).get_python_identifier(): check for check in checks
            },
            can_subset=True,
        )
        return restored

    def _keys(self) -> Mapping[dg.AssetKey, dg.AssetKey]:
        return {stand_in: key for key, stand_in in self.stand_ins.items()}

    def _of(self, key: dg.AssetKey) -> dg.AssetKey:
        return self.stand_ins.get(key, key)


def _stand_in(key: dg.AssetKey) -> dg.AssetKey:
    readable = re.sub(r"[^A-Za-z0-9_]", "_", "__".join(key.path))
    return dg.AssetKey(f"{readable}_{sha256(key.to_string().encode()).hexdigest()[:8]}")
