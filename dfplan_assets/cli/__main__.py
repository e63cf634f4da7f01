"""``python -m dfplan_assets.cli``: the command ``dfplan``, where no script of that name is installed."""

from __future__ import annotations

from dfplan_assets.cli import main

if __name__ == "__main__":
    main(prog_name="dfplan")
