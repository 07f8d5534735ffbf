#include "arrays.hpp"

#include <algorithm>
#include <limits>

namespace rssfix::python {
namespace {

std::string shape_text(const py::ssize_t* sizes, std::size_t dimensions) {
  std::string text = "(";
  for (std::size_t i = 0; i < dimensions; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return text + (dimensions == 1 ? ",)" : ")");
}

std::string shape_text(const py::array& array) {
  return shape_text(array.shape(), size(array.ndim()));
}

py::array real_array(py::handle object, Argument argument) {
  const py::array array = py::module_::import("numpy").attr("asarray")(object);
  const char kind = array.dtype().kind();
  if (kind != 'f' && kind != 'i' && kind != 'u')
    throw py::type_error(std::string(name(argument)) + " has dtype " +
                         py::cast<std::string>(py::str(array.dtype())) +
                         ": expected real numbers (float or integer)");
  return array;
}

template <class To, class From> To narrow(From value) {
  if constexpr (std::numeric_limits<To>::is_integer)
    return static_cast<To>(
        std::clamp<From>(value, std::numeric_limits<To>::min(), std::numeric_limits<To>::max()));
  else
    return static_cast<To>(value);
}

// By way of `Wide`, which numpy converts to without loss or complaint.
template <class T, class Wide> py::array_t<T> narrowed(const py::array& array) {
  const py::array_t<Wide, py::array::c_style | py::array::forcecast> wide(array);
  py::array_t<T> result(Shape(array.shape(), array.shape() + array.ndim()));
  std::transform(wide.data(), wide.data() + wide.size(), result.mutable_data(), narrow<T, Wide>);
  return result;
}

} // namespace

py::array_t<float> float32_array(py::handle object, Argument argument) {
  if (is_plain<float>(object))
    return py::reinterpret_borrow<py::array_t<float>>(object);
  return narrowed<float, double>(real_array(object, argument));
}

py::array_t<double> float64_array(py::handle object, Argument argument) {
  if (is_plain<double>(object))
    return py::reinterpret_borrow<py::array_t<double>>(object);
  return narrowed<double, double>(real_array(object, argument));
}

py::array_t<std::int32_t> int32_array(py::handle object, Argument argument) {
  if (is_plain<std::int32_t>(object))
    return py::reinterpret_borrow<py::array_t<std::int32_t>>(object);
  const py::array array = real_array(object, argument);
  if (array.dtype().kind() == 'f' && array.size() > 0)
    throw py::type_error(std::string(name(argument)) + " has dtype " +
                         py::cast<std::string>(py::str(array.dtype())) + ": expected integers");
  return narrowed<std::int32_t, std::int64_t>(array);
}

double real_number(py::handle object, Argument argument) {
  if (PyFloat_Check(object.ptr()))
    return PyFloat_AS_DOUBLE(object.ptr());
  const py::array array = real_array(object, argument);
  if (array.ndim() != 0)
    throw py::type_error(
        std::string(name(argument)) + " has shape " + shape_text(array) + ": expected one number");
  return py::cast<double>(array.attr("item")());
}

std::int64_t whole_number(py::handle object, Argument argument) {
  const bool refused = PyBool_Check(object.ptr()) || !PyIndex_Check(object.ptr());
  const py::object index =
      refused ? py::object() : py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!index) {
    PyErr_Clear();
    throw py::type_error(std::string(name(argument)) + " is " +
                         py::cast<std::string>(py::repr(object)) + ": expected an integer");
  }
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow != 0)
    return overflow > 0 ? std::numeric_limits<std::int64_t>::max()
                        : std::numeric_limits<std::int64_t>::min();
  return value;
}

std::size_t few_numbers(py::handle object, Argument argument, double* values, std::size_t most) {
  if (PyTuple_Check(object.ptr()) || PyList_Check(object.ptr())) {
    const std::size_t count = size(PySequence_Fast_GET_SIZE(object.ptr()));
    PyObject** const items = PySequence_Fast_ITEMS(object.ptr());
    if (count <= most &&
        std::all_of(items, items + count, [](PyObject* item) { return PyFloat_Check(item); })) {
      std::transform(
          items, items + count, values, [](PyObject* item) { return PyFloat_AS_DOUBLE(item); });
      return count;
    }
  }
  const py::array_t<double> array = float64_array(object, argument);
  if (array.ndim() != 1 || size(array.size()) > most)
    refuse_shape(argument, array,
        most == 2 ? std::string("(2,)") : "(2,) or (" + std::to_string(most) + ",)");
  std::copy_n(array.data(), array.size(), values);
  return size(array.size());
}

py::array_t<float> output_array(const py::object& out, const Shape& shape,
    std::initializer_list<std::reference_wrapper<const py::array>> inputs) {
  if (out.is_none())
    return py::array_t<float>(shape);
  if (!py::isinstance<py::array>(out))
    throw py::type_error("out is a " + std::string(Py_TYPE(out.ptr())->tp_name) +
                         ": expected a numpy array of float32");
  if (!is_plain<float>(out))
    throw py::type_error("out has dtype " + py::cast<std::string>(py::str(out.attr("dtype"))) +
                         ": expected float32, C-contiguous and aligned");
  py::array_t<float> array = py::reinterpret_borrow<py::array_t<float>>(out);
  const bool same_shape =
      size(array.ndim()) == shape.size() && std::equal(shape.begin(), shape.end(), array.shape());
  if (!same_shape)
    throw py::value_error("out has shape " + shape_text(array) + ": expected " +
                          shape_text(shape.data(), shape.size()));
  if (!array.writeable())
    throw py::value_error("out is read-only: expected an array that may be written");
  const auto bytes = [](const py::array& a) {
    const auto start = reinterpret_cast<std::uintptr_t>(a.data());
    return std::pair(start, start + size(a.nbytes()));
  };
  const auto [out_start, out_end] = bytes(array);
  for (const py::array& input : inputs) {
    const auto [in_start, in_end] = bytes(input);
    if (out_start < in_end && in_start < out_end)
      throw py::value_error("out shares memory with the input: expected an array of its own");
  }
  return array;
}

void refuse_shape(Argument argument, const py::array& array, const std::string& expected) {
  throw py::value_error(
      std::string(name(argument)) + " has shape " + shape_text(array) + ": expected " + expected);
}

} // namespace rssfix::python
