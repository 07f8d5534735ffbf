#include "errors.hpp"

#include <pybind11/numpy.h>

namespace rssfix::python {
namespace {

// "ranks[3] is 6", "database[0, 2] is inf", "pitch_m is -1.0", "rssi_dbm[4] is all NaN"
std::string offender(Status status, py::handle object) {
  const auto numpy = py::module_::import("numpy");
  const py::array array = numpy.attr("asarray")(object);
  std::string text = name(status.argument);
  const bool whole_argument =
      array.ndim() == 0 || status.code == Code::empty || status.code == Code::not_positive_definite;
  if (!whole_argument) {
    py::list place(numpy.attr("unravel_index")(status.index, array.attr("shape")));
    if (status.code == Code::nothing_heard)
      place.attr("pop")();
    for (std::size_t i = 0; i < place.size(); ++i)
      text += (i == 0 ? "[" : ", ") + py::cast<std::string>(py::str(place[i]));
    text += place.empty() ? "" : "]";
  }
  if (status.code == Code::nothing_heard)
    return text + " is all NaN";
  if (status.code == Code::empty)
    return text + " has shape " + py::cast<std::string>(py::str(array.attr("shape")));
  const py::object value =
      whole_argument ? array.attr("tolist")() : array.attr("item")(status.index);
  return text + " is " + py::cast<std::string>(py::repr(value));
}

} // namespace

void refuse(Status status, std::initializer_list<Given> given, const std::string& range) {
  std::string text = name(status.argument);
  for (const Given& one : given)
    if (one.argument == status.argument)
      text = offender(status, one.object);
  text += ": expected ";
  text += status.code == Code::out_of_range && !range.empty() ? range : expected(status.code);
  throw py::value_error(text);
}

} // namespace rssfix::python
