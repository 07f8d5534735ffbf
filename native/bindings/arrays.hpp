// From Python objects to the plain arrays and numbers of the core. Shapes and types are checked
// here, values in the core.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "rssfix/status.hpp"

namespace rssfix::python {

namespace py = pybind11;

using Shape = std::vector<py::ssize_t>;

// Any array of real numbers as a C-contiguous array of T: itself where it is one already, else a
// copy. float64 values beyond float32 become infinite, which the core then refuses.
py::array_t<float> float32_array(py::handle object, Argument argument);
py::array_t<double> float64_array(py::handle object, Argument argument);
py::array_t<std::int32_t> int32_array(py::handle object, Argument argument);

double real_number(py::handle object, Argument argument);
std::int64_t whole_number(py::handle object, Argument argument);

// Reads (count,) numbers, count being one of the sizes up to `most` that the caller accepts;
// tuples and lists of floats are read without making an array.
std::size_t few_numbers(py::handle object, Argument argument, double* values, std::size_t most);

// Whether an array can be read where it lies: of type T, C-contiguous and aligned.
template <class T> bool is_plain(py::handle object) {
  return py::isinstance<py::array_t<T, py::array::c_style>>(object) &&
         reinterpret_cast<std::uintptr_t>(py::reinterpret_borrow<py::array>(object).data()) %
                 alignof(T) ==
             0;
}

// `out` checked, or a new array where it is None. It must not share memory with an input: what
// the core has checked it then reads again.
py::array_t<float> output_array(const py::object& out, const Shape& shape,
    std::initializer_list<std::reference_wrapper<const py::array>> inputs);

[[noreturn]] void refuse_shape(
    Argument argument, const py::array& array, const std::string& expected);

inline std::size_t size(py::ssize_t n) {
  return static_cast<std::size_t>(n);
}

// Releasing the GIL costs about 50 ns, so it is kept for work of less than about 1 us.
template <class Work> auto run(bool long_work, Work&& work) {
  if (!long_work)
    return work();
  const py::gil_scoped_release released;
  return work();
}

} // namespace rssfix::python
