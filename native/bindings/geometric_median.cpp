#include "rssfix/geometric_median.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

// About 1 ns for a place and a step.
constexpr std::size_t long_work_terms = 1024;

std::string range_of(Argument argument) {
  switch (argument) {
  case Argument::weight:
    return "weights from 0 to 1e100, not all 0";
  case Argument::soft_m:
    return "a distance from 1e-6 to 1e9";
  case Argument::steps:
    return "an integer from 1 to 100000";
  default:
    return "a coordinate from -1e9 to 1e9";
  }
}

py::tuple geometric_median(const py::object& x_m, const py::object& y_m, const py::object& weight,
    const py::object& start_m, const py::object& soft_m, const py::object& steps) {
  const auto x = float64_array(x_m, Argument::x_m);
  if (x.ndim() != 1)
    refuse_shape(Argument::x_m, x, "(G,)");
  const auto per_place = [&](const py::object& values, Argument argument) {
    auto array = float64_array(values, argument);
    if (array.ndim() != 1 || array.shape(0) != x.shape(0))
      refuse_shape(argument, array, "(" + std::to_string(x.shape(0)) + ",), as x_m");
    return array;
  };
  const auto y = per_place(y_m, Argument::y_m);
  const auto weights = per_place(weight, Argument::weight);
  double start[2];
  if (few_numbers(start_m, Argument::start_m, start, 2) != 2)
    refuse_shape(Argument::start_m, float64_array(start_m, Argument::start_m), "(2,)");
  const double soft = real_number(soft_m, Argument::soft_m);
  const std::int64_t given = whole_number(steps, Argument::steps);
  // What does not fit becomes 0, which the core refuses as well.
  const bool fits = given > 0 && given <= static_cast<std::int64_t>(most_median_steps);
  const std::size_t count = fits ? static_cast<std::size_t>(given) : 0;
  const WeightedPlaces places{x.data(), y.data(), weights.data(), size(x.shape(0))};
  Point median{};
  const Status status = run(places.count > 0 && count > long_work_terms / places.count,
      [&] { return rssfix::geometric_median(places, {start[0], start[1]}, soft, count, median); });
  check(status,
      {{Argument::x_m, x_m}, {Argument::y_m, y_m}, {Argument::weight, weight},
          {Argument::start_m, start_m}, {Argument::soft_m, soft_m}, {Argument::steps, steps}},
      range_of(status.argument));
  return py::make_tuple(median.x_m, median.y_m);
}

} // namespace

void bind_geometric_median(py::module_& m) {
  m.def("geometric_median", &geometric_median);
}

} // namespace rssfix::python
