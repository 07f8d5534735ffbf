"""LiteRT's Java interpreter through pyjnius, with the face of the Python one.

On Android the interpreter comes from the AAR `com.google.ai.edge.litert:litert` (class
`org.tensorflow.lite.Interpreter`), since neither LiteRT nor onnxruntime has a Python wheel there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES: dict[str, Any] = {"FLOAT32": np.float32, "INT8": np.int8, "INT32": np.int32}


def java_interpreter() -> tuple[Any, str]:
    """The class and its name. Raises ImportError where there is no pyjnius or no AAR."""
    from jnius import JavaException, autoclass

    try:
        version = str(autoclass("org.tensorflow.lite.TensorFlowLite").runtimeVersion())
    except JavaException as error:
        raise ImportError(f"the LiteRT AAR is not in this app ({error})") from None
    return JavaInterpreter, f"LiteRT {version} (Java)"


class JavaInterpreter:
    """What `sdk.runtimes.tflite` calls of an interpreter, over the Java one; for one thread.

    Args:
        model_content: the model; a copy is kept in memory that Java's garbage collector owns.

    Raises:
        ValueError: Java refused the model, a tensor or a run; its message.
    """

    def __init__(self, model_content: bytes, num_threads: int = 1) -> None:
        from jnius import JavaException, autoclass

        self._refused: type[Exception] = JavaException
        self._buffers = autoclass("java.nio.ByteBuffer")
        self._order = autoclass("java.nio.ByteOrder").nativeOrder()
        self._maps = autoclass("java.util.HashMap")
        self._boxed = autoclass("java.lang.Integer")
        # Java takes a model from direct memory only.
        model = self._buffers.allocateDirect(len(model_content))
        model.order(self._order)
        model.put(model_content)
        model.rewind()
        options = autoclass("org.tensorflow.lite.Interpreter$Options")()
        options.setNumThreads(num_threads)
        try:
            self._java = autoclass("org.tensorflow.lite.Interpreter")(model, options)
        except JavaException as error:
            raise ValueError(str(error)) from None
        self._inputs: dict[int, bytes] = {}
        self._outputs: dict[int, Any] = {}
        self._details: list[dict[str, Any]] = []

    def allocate_tensors(self) -> None:
        """Allocate, and learn the outputs' shapes."""
        try:
            self._java.allocateTensors()
        except self._refused as error:
            raise ValueError(str(error)) from None
        java = self._java
        count = java.getOutputTensorCount()
        self._details = [_detail(java.getOutputTensor(i), i) for i in range(count)]

    def get_input_details(self) -> list[dict[str, Any]]:
        """`index`, `shape`, `dtype` of every input."""
        java = self._java
        return [_detail(java.getInputTensor(i), i) for i in range(java.getInputTensorCount())]

    def get_output_details(self) -> list[dict[str, Any]]:
        """`index`, `shape`, `dtype` of every output."""
        return self._details

    def set_tensor(self, index: int, values: NDArray[Any]) -> None:
        """The input for the next `invoke`."""
        self._inputs[index] = np.ascontiguousarray(values).tobytes()

    def invoke(self) -> None:
        """Run; all outputs are copied out of Java. Raises ValueError with Java's message."""
        inputs = []
        for _, values in sorted(self._inputs.items()):
            buffer = self._buffers.wrap(values)
            buffer.order(self._order)
            inputs.append(buffer)
        outputs = self._maps()
        kept = []
        for i, detail in enumerate(self._details):
            size = int(np.prod(detail["shape"])) * np.dtype(detail["dtype"]).itemsize
            buffer = self._buffers.allocate(size)
            buffer.order(self._order)
            outputs.put(self._boxed(i), buffer)
            kept.append(buffer)
        try:
            self._java.runForMultipleInputsOutputs(inputs, outputs)
        except self._refused as error:
            raise ValueError(str(error)) from None
        for i, buffer in enumerate(kept):
            self._outputs[i] = buffer

    def get_tensor(self, index: int) -> NDArray[Any]:
        """An output of the last `invoke`, as an array of its own."""
        detail = self._details[index]
        array = self._outputs[index].array()
        # pyjnius gives byte[] as its ByteArray, whose tostring() is one copy.
        raw = array.tostring() if hasattr(array, "tostring") else bytes(b & 0xFF for b in array)
        return np.frombuffer(raw, dtype=detail["dtype"]).reshape(detail["shape"]).copy()


def _detail(tensor: Any, index: int) -> dict[str, Any]:
    kind = str(tensor.dataType().toString())
    if kind not in _DTYPES:
        raise ValueError(f"tensor {index} is {kind}, expected one of {', '.join(_DTYPES)}")
    return {"index": index, "shape": [int(n) for n in tensor.shape()], "dtype": _DTYPES[kind]}
