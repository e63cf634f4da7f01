"""Plans in Substrait: encoding, decoding, validation."""

from dfplan_assets.planning.substrait.decoding import decode
from dfplan_assets.planning.substrait.encoding import encode

__all__ = ["decode", "encode"]
