"""Plans in Substrait: encoding, decoding, validation."""

from dfplan_assets.planning.substrait.decoding import decode
from dfplan_assets.planning.substrait.encoding import NOT_VALIDATED, encode
from dfplan_assets.planning.substrait.validation import validate_by_decoding

__all__ = ["NOT_VALIDATED", "decode", "encode", "validate_by_decoding"]
