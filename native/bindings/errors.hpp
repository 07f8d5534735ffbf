// From a Status to a Python exception that shows the offending value.
#pragma once

#include <pybind11/pybind11.h>

#include <initializer_list>
#include <string>

#include "rssfix/status.hpp"

namespace rssfix::python {

namespace py = pybind11;

struct Given {
  Argument argument;
  py::handle object; // as the caller passed it
};

// Raises ValueError unless `status` is ok. `range` says what was expected where the code is
// out_of_range.
[[noreturn]] void refuse(
    Status status, std::initializer_list<Given> given, const std::string& range);

inline void check(
    Status status, std::initializer_list<Given> given, const std::string& range = {}) {
  if (!status.ok())
    refuse(status, given, range);
}

} // namespace rssfix::python
