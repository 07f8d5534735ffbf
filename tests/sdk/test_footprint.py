"""What importing the SDK costs, and that it works alone: no training stack, no network."""

import json
import subprocess
import sys
import textwrap

import pytest

HEAVY = ["torch", "pandas", "onnxruntime", "ai_edge_litert", "tflite_runtime", "click"]


def python(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("what", ["import sdk", "from sdk import Localizer, Scan, Fix, Track"])
def test_import_costs_under_80_ms_over_numpy(what):
    code = """
        import sys, time
        import numpy
        # Processor time, because other work on the machine is not what is asked for.
        begin = time.process_time()
        exec(sys.argv[1])
        print(time.process_time() - begin)
    """
    best = min(float(python(code, what)) for _ in range(5))
    print(f"{what}: {best * 1000:.1f} ms over numpy")
    assert best < 0.080


def test_import_brings_no_runtime_and_no_training_stack():
    code = """
        import json, sys
        import sdk
        from sdk import Localizer, Scan, Fix, Status, Posterior, Explanation, Track, Reading
        print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
    """
    assert json.loads(python(code, *HEAVY)) == []


def test_neighbours_bundles_need_no_runtime_at_all(tmp_path, neighbours_bundle, scan):
    path = tmp_path / "knn.rssfix"
    path.write_bytes(neighbours_bundle)
    code = """
        import json, sys
        for name in sys.argv[3:]:
            sys.modules[name] = None
        from sdk import Localizer, Scan
        with Localizer.open(sys.argv[1]) as localizer:
            print(json.dumps(localizer.locate(Scan.from_json(sys.argv[2])).to_dict()))
    """
    fix = json.loads(python(code, path, scan.to_json(), *HEAVY))
    assert fix["status"] == "OK"


def test_networks_say_which_extra_they_need(tmp_path, per_ap_bundle):
    path = tmp_path / "net.rssfix"
    path.write_bytes(per_ap_bundle)
    code = """
        import sys
        for name in sys.argv[2:]:
            sys.modules[name] = None
        from sdk import Localizer, RuntimeUnavailableError
        try:
            Localizer.open(sys.argv[1])
        except RuntimeUnavailableError as error:
            print(error)
    """
    assert "pip install 'rssfix[onnx]'" in python(code, path, *HEAVY)


def test_works_with_sockets_blocked(tmp_path, per_ap_bundle, scan):
    path = tmp_path / "net.rssfix"
    path.write_bytes(per_ap_bundle)
    code = """
        import sys
        def refuse(event, arguments):
            if event.startswith(("socket.", "urllib.", "http.")):
                raise AssertionError(f"the SDK touched the network: {event} {arguments}")
        sys.addaudithook(refuse)
        from sdk import Localizer, Scan
        with Localizer.open(sys.argv[1]) as localizer:
            scan = Scan.from_json(sys.argv[2])
            track = localizer.start_track()
            assert localizer.locate(scan) and track.update(scan)
            localizer.explain(scan)
            localizer.set_unknown({scan.bssids[0]})
            localizer.reload(sys.argv[1])
        print("done")
    """
    assert python(code, path, scan.to_json()) == "done\n"


def test_the_version_is_the_distributions():
    from importlib.metadata import version

    import sdk

    assert sdk.__version__ == version("rssfix")
    assert set(sdk.__all__) <= set(dir(sdk))
    for name in sdk.__all__:
        assert getattr(sdk, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Locator'"):
        sdk.Locator  # noqa: B018
