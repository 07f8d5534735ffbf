"""An Android phone as pyjnius shows it: WifiManager with its throttle, buffers, LiteRT's AAR.

Where Java would refuse, so does this: heap memory for a model, a wrong byte order, a buffer of the
wrong size. What byte arrays come back as was looked up with pyjnius 1.7 and a real JVM.
"""

import sys
import types
from collections import deque

import numpy as np


class JavaException(Exception):  # noqa: N818
    pass


class ByteArray:
    """What pyjnius makes of a byte[]: signed items, and tostring()."""

    def __init__(self, data):
        self._data = bytes(data)

    def tostring(self):
        return self._data

    def __iter__(self):
        return iter(np.frombuffer(self._data, np.int8).tolist())


class ByteOrder:
    @staticmethod
    def nativeOrder():  # noqa: N802
        return "native"


class ByteBuffer:
    def __init__(self, data, direct):
        self.data, self.direct, self.position, self.endian = data, direct, 0, "big"

    @classmethod
    def allocateDirect(cls, size):  # noqa: N802
        return cls(bytearray(size), True)

    @classmethod
    def allocate(cls, size):
        return cls(bytearray(size), False)

    @classmethod
    def wrap(cls, data):
        assert isinstance(data, bytes | bytearray), "pyjnius takes bytes for byte[]"
        return cls(bytearray(data), False)

    def order(self, order):
        self.endian = order
        return self

    def put(self, data):
        if self.position + len(data) > len(self.data):
            raise JavaException("java.nio.BufferOverflowException")
        self.data[self.position : self.position + len(data)] = data
        self.position += len(data)
        return self

    def rewind(self):
        self.position = 0
        return self

    def array(self):
        if self.direct:
            raise JavaException("java.lang.UnsupportedOperationException")
        return ByteArray(self.data)


class Integer(int):
    pass


class HashMap(dict):
    def put(self, key, value):
        self[key] = value


class Text:
    def __init__(self, text):
        self._text = text

    def toString(self):  # noqa: N802
        return self._text


class Tensor:
    def __init__(self, detail):
        self.detail = detail

    def shape(self):
        return [int(n) for n in self.detail["shape"]]

    def dataType(self):  # noqa: N802
        return Text(np.dtype(self.detail["dtype"]).name.upper())


class Options:
    def setNumThreads(self, count):  # noqa: N802
        self.threads = count


class Interpreter:
    """`org.tensorflow.lite.Interpreter` over the real LiteRT of this machine."""

    def __init__(self, model, options):
        from ai_edge_litert.interpreter import Interpreter as Real

        if not model.direct or model.endian != "native":
            raise JavaException("Model ByteBuffer should be a direct one in the native order")
        try:
            self._real = Real(model_content=bytes(model.data), num_threads=options.threads)
        except ValueError as error:
            raise JavaException(f"java.lang.IllegalArgumentException: {error}") from None

    def allocateTensors(self):  # noqa: N802
        self._real.allocate_tensors()

    def getInputTensorCount(self):  # noqa: N802
        return len(self._real.get_input_details())

    def getOutputTensorCount(self):  # noqa: N802
        return len(self._real.get_output_details())

    def getInputTensor(self, i):  # noqa: N802
        return Tensor(self._real.get_input_details()[i])

    def getOutputTensor(self, i):  # noqa: N802
        return Tensor(self._real.get_output_details()[i])

    def runForMultipleInputsOutputs(self, inputs, outputs):  # noqa: N802
        for detail, buffer in zip(self._real.get_input_details(), inputs, strict=True):
            wanted = int(np.prod(detail["shape"])) * np.dtype(detail["dtype"]).itemsize
            if len(buffer.data) != wanted:
                raise JavaException(
                    "java.lang.IllegalArgumentException: Cannot copy to a TensorFlowLite tensor "
                    f"with {wanted} bytes from a Java Buffer with {len(buffer.data)} bytes."
                )
            assert buffer.endian == "native"
            values = np.frombuffer(bytes(buffer.data), detail["dtype"]).reshape(detail["shape"])
            self._real.set_tensor(detail["index"], values)
        self._real.invoke()
        for i, buffer in outputs.items():
            buffer.put(self._real.get_tensor(self._real.get_output_details()[i]["index"]).tobytes())


class TensorFlowLite:
    @staticmethod
    def runtimeVersion():  # noqa: N802
        return "2.20.0"


class ScanResult:
    def __init__(self, bssid, level, frequency, timestamp, ssid="home"):
        self.BSSID, self.SSID, self.level = bssid, ssid, level
        self.frequency, self.timestamp = frequency, timestamp


class Phone:
    """Wi-Fi, location, permission and time of a phone; Android's own throttle."""

    def __init__(self):
        self.now_s, self.boot_s = 1000.0, 5000.0
        self.version, self.permission, self.wifi_on, self.location_on = 34, 0, True, True
        self.scan_always = False
        self.started = deque()
        self.asked = self.refused = 0
        self.results = []
        self.asked_permission = []
        self.heard = lambda: [("aa:bb:cc:00:00:01", -60, 2412), ("AA:BB:CC:00:00:02", -71, 5180)]

    def wait(self, seconds):
        self.now_s += seconds

    def _scan(self):
        stamp = int((self.boot_s + self.now_s) * 1e6)
        self.results = [ScanResult(b, level, mhz, stamp) for b, level, mhz in self.heard()]

    # WifiManager
    def startScan(self):  # noqa: N802
        self.asked += 1
        while self.started and self.now_s - self.started[0] >= 120:
            self.started.popleft()
        if len(self.started) >= 4:
            self.refused += 1
            return False
        self.started.append(self.now_s)
        self._scan()
        return True

    def getScanResults(self):  # noqa: N802
        return list(self.results)

    def isWifiEnabled(self):  # noqa: N802
        return self.wifi_on

    def isScanAlwaysAvailable(self):  # noqa: N802
        return self.scan_always

    # LocationManager
    def isLocationEnabled(self):  # noqa: N802
        return self.location_on

    # Activity
    def getSystemService(self, name):  # noqa: N802
        assert name in ("wifi", "location")
        return self

    def checkSelfPermission(self, name):  # noqa: N802
        assert name == "android.permission.ACCESS_FINE_LOCATION"
        return self.permission

    # SystemClock
    def elapsedRealtime(self):  # noqa: N802
        return int((self.boot_s + self.now_s) * 1000)


def install(monkeypatch, phone=None, litert=False):
    """Put `jnius` (and p4a's `android.permissions`) in place for one test."""
    classes = {
        "java.nio.ByteBuffer": ByteBuffer,
        "java.nio.ByteOrder": ByteOrder,
        "java.util.HashMap": HashMap,
        "java.lang.Integer": Integer,
    }
    if litert:
        classes |= {
            "org.tensorflow.lite.Interpreter": Interpreter,
            "org.tensorflow.lite.Interpreter$Options": Options,
            "org.tensorflow.lite.TensorFlowLite": TensorFlowLite,
        }
    if phone is not None:
        names = types.SimpleNamespace
        classes |= {
            "android.content.Context": names(WIFI_SERVICE="wifi", LOCATION_SERVICE="location"),
            "android.os.Build$VERSION": names(SDK_INT=phone.version),
            "android.os.SystemClock": phone,
            "org.kivy.android.PythonActivity": names(mActivity=phone),
        }
        permissions = types.ModuleType("android.permissions")
        permissions.request_permissions = phone.asked_permission.extend
        monkeypatch.setitem(sys.modules, "android", types.ModuleType("android"))
        monkeypatch.setitem(sys.modules, "android.permissions", permissions)

    def autoclass(name):
        if name not in classes:
            raise JavaException(f"Class not found {name!r}")
        return classes[name]

    module = types.ModuleType("jnius")
    module.autoclass, module.JavaException = autoclass, JavaException
    monkeypatch.setitem(sys.modules, "jnius", module)
