"""The rounds of an update, each kept in a file, so that an interrupted one is taken up again."""

from __future__ import annotations

import io
import json
import os
import pickle
from pathlib import Path

import torch

from sdk.atomic import write_file
from training.itoloc_cotraining import Cotraining, State
from training.progress import steps
from training.run import RunError

_STATE = ("round", "full", "smeared", "quiet", "done", "success", "log")


def play(game: Cotraining, file: Path | None, progress: bool, key: str) -> None:
    """All rounds, those that a state file holds under the same ``key`` left out.

    Raises RunError for a file that is no such state.
    """
    if file is not None and Path(file).exists():
        _load(game, Path(file), key)
    with steps("update", game.rules.rounds, progress) as advance:
        for _ in range(game.state.round):
            advance()
        while not game.state.done:
            game.step()
            advance(f"success {game.state.log[-1]['success']:.3f}")
            if file is not None:
                held = io.BytesIO()
                torch.save(
                    {
                        "key": key, "network": game.network.state_dict(), "gain": game.gain,
                        "labels": torch.from_numpy(game.state.labels),
                        "state": json.dumps({k: getattr(game.state, k) for k in _STATE}),
                    },
                    held,
                )  # fmt: skip
                write_file(file, held.getvalue())


def _load(game: Cotraining, file: Path, key: str) -> None:
    """Take up what another call left, where it was about the same; else begin anew."""
    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
        if held["key"] != key:
            return
        state = State(**json.loads(held["state"]), labels=held["labels"].numpy())
        game.network.load_state_dict(held["network"])
        game.gain = held["gain"]
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, EOFError,
            pickle.UnpicklingError) as error:  # fmt: skip
        raise RunError(f"{os.fspath(file)}: not the state of an update ({error})") from None
    game.state = state
