"""python-for-android builds rssfix's SDK with its native core from the sources beside this app.

`P4A_rssfix_DIR` names the sources (the repository's root); see android_demo/README.md.
"""

from os.path import join
from typing import ClassVar

from pythonforandroid.recipe import PyProjectRecipe, Recipe

_PROCESSOR = {
    "arm64-v8a": "aarch64",
    "x86_64": "x86_64",
    "armeabi-v7a": "arm",
    "x86": "i686",
}


class RssfixRecipe(PyProjectRecipe):
    """scikit-build-core and CMake with the NDK's toolchain file; 16 KB pages."""

    version = "0.1.0"
    url = None
    depends: ClassVar = ["python3", "numpy"]
    # p4a's own pybind11 is older than Python 3.14 needs.
    hostpython_prerequisites: ClassVar = [
        "scikit-build-core>=1.1,<2", "pybind11>=3,<4", "cffi>=2,<3", "cmake", "ninja",
    ]  # fmt: skip
    need_stl_shared = True

    @property
    def extra_build_args(self):
        # The prerequisites above are in the host Python; nothing is fetched into another.
        return ["--no-isolation"]

    def check_prebuilt(self, arch, msg=""):
        """Never: the app's own sources are built."""
        del arch, msg
        return False

    def get_recipe_env(self, arch, **kwargs):
        env = super().get_recipe_env(arch, **kwargs)
        python = Recipe.get_recipe("python3", self.ctx)
        digits = "".join(python.version.split(".")[:2])
        processor = _PROCESSOR[arch.arch]
        env["SETUPTOOLS_EXT_SUFFIX"] = f".cpython-{digits}-{processor}-linux-android.so"
        env["_PYTHON_HOST_PLATFORM"] = f"android-{self.ctx.ndk_api}-{processor}"
        toolchain = join(self.ctx.ndk_dir, "build", "cmake", "android.toolchain.cmake")
        env["CMAKE_ARGS"] = " ".join(
            [
                f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
                f"-DANDROID_ABI={arch.arch}",
                f"-DANDROID_PLATFORM=android-{self.ctx.ndk_api}",
                "-DANDROID_STL=c++_shared",
                # Google Play asks for libraries that load on phones with 16 KB pages.
                "-DANDROID_SUPPORT_FLEXIBLE_PAGE_SIZES=ON",
                "-DPYBIND11_USE_CROSSCOMPILING=ON",
                f"-DPython_INCLUDE_DIR={python.include_root(arch.arch)}",
            ]
        )
        return env


recipe = RssfixRecipe()
