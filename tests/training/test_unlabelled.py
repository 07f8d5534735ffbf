"""Unlabelled scans from a device's store are those of a file with the same scans."""

import json

import numpy as np
from click.testing import CliRunner

from sdk.scan import Reading, Scan
from sdk.store import Store
from training import neighbours
from training.fingerprints import Vectors
from training.unlabelled import read_unlabelled
from training.update_cli import health


def stored(survey, path):
    names = np.array(survey.bssids)[survey.bssid_code]
    with Store(path) as store:
        for i in range(len(survey)):
            part = slice(survey.offsets[i], survey.offsets[i + 1])
            readings = [
                Reading(str(name), float(level), None, None)
                for name, level in zip(names[part], survey.rssi_dbm[part], strict=True)
            ]
            scan = Scan(int(survey.timestamp_ms[i]), readings)
            store.add(scan, place=(1.0, 2.0, 0), device="watch", session=str(survey.session[i]))


def test_a_store_reads_as_its_scans_without_their_places(one_floor, tmp_path):
    few = one_floor.take(np.arange(len(one_floor)) < 20)
    stored(few, tmp_path / "store.db")
    found = read_unlabelled(tmp_path / "store.db")
    vectors = Vectors()
    np.testing.assert_array_equal(
        vectors.of(found, one_floor.bssids), vectors.of(few, one_floor.bssids)
    )
    assert found.timestamp_ms.tolist() == few.timestamp_ms.tolist()
    assert found.session.tolist() == few.session.tolist()
    assert set(found.device) == {"watch"}
    assert not found.labelled.any()


def test_health_takes_a_store(one_floor, tmp_path):
    neighbours.train(one_floor, seed=0).save(tmp_path / "run")
    stored(one_floor, tmp_path / "store.db")
    shown = CliRunner().invoke(
        health, [str(tmp_path / "run"), str(tmp_path / "store.db"), "--json"]
    )
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["scans"] == len(one_floor)
    empty = tmp_path / "empty.db"
    Store(empty).close()
    shown = CliRunner().invoke(health, [str(tmp_path / "run"), str(empty)])
    assert shown.exit_code == 1
    assert "empty.db: holds no scan" in shown.output
