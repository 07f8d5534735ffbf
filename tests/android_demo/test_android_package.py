"""What python-for-android makes of the recipe, and what the spec asks the phone for."""

import configparser
import importlib.util
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "android_demo"


@pytest.fixture
def spec():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(APP / "buildozer.spec")
    return parser["app"]


@pytest.mark.filterwarnings("ignore")
def test_the_recipe_loads_and_resolves(spec, tmp_path):
    from pythonforandroid.bootstrap import Bootstrap
    from pythonforandroid.build import Context
    from pythonforandroid.graph import get_recipe_order_and_bootstrap
    from pythonforandroid.recipe import Recipe

    context = Context()
    context.local_recipes = str(APP / spec["p4a.local_recipes"])
    context.setup_dirs(str(tmp_path))
    assert "rssfix" in set(Recipe.list_recipes(context))
    recipe = Recipe.get_recipe("rssfix", context)
    assert Path(recipe.get_recipe_dir()) == APP / "recipes" / "rssfix"
    wanted = [one.split("==")[0] for one in spec["requirements"].split(",")]
    order, pure, bootstrap, *_ = get_recipe_order_and_bootstrap(
        context, wanted, Bootstrap.get_bootstrap("sdl2", context)
    )
    assert bootstrap.name == "sdl2"
    for needed in ("python3", "numpy", "pyjnius", "kivy", "android"):
        assert needed in order
    assert order.index("numpy") < order.index("rssfix")
    # A requirement without a recipe goes to pip as if it were pure Python.
    assert not {"rssfix", "numpy", "pyjnius", "onnxruntime", "ai-edge-litert"} & set(pure)


def test_the_recipe_version_is_the_sdk_s():
    import sdk

    place = importlib.util.spec_from_file_location("r", APP / "recipes/rssfix/__init__.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    assert module.recipe.version == sdk.__version__


def test_permissions_are_those_a_scan_needs_and_no_more(spec):
    asked = {one.rpartition(".")[2] for one in spec["android.permissions"].split(",")}
    wanted = {"ACCESS_FINE_LOCATION", "ACCESS_COARSE_LOCATION", "ACCESS_WIFI_STATE"}
    assert asked == wanted | {"CHANGE_WIFI_STATE"}
    assert spec["version"] == __import__("sdk").__version__
    assert int(spec["android.ndk_api"]) >= 24, "numpy's recipe"
    assert "litert" in spec["android.gradle_dependencies"]
