#include "rssfix/floor_features.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

constexpr std::size_t long_work_values = 64;

std::size_t whole_size(const py::object& object, Argument argument, std::size_t most) {
  const std::int64_t value = whole_number(object, argument);
  if (value < 1 || value > static_cast<std::int64_t>(most))
    check({Code::out_of_range, argument}, {{argument, object}}, "1 to " + std::to_string(most));
  return static_cast<std::size_t>(value);
}

py::tuple floor_features(const py::object& rssi_dbm, const py::object& ap_xy_m,
    const py::object& ap_floor, const py::object& n_floors, const py::object& silent_dbm,
    const py::object& span) {
  const auto places = float64_array(ap_xy_m, Argument::ap_xy_m);
  if (places.ndim() != 2 || places.shape(1) != 2)
    refuse_shape(Argument::ap_xy_m, places, "(N, 2)");
  const auto n = places.shape(0);
  const std::string n_text = std::to_string(n);
  const auto installed_on = int32_array(ap_floor, Argument::ap_floor);
  if (installed_on.ndim() != 1 || installed_on.shape(0) != n)
    refuse_shape(
        Argument::ap_floor, installed_on, "(" + n_text + ",), one floor per row of ap_xy_m");
  const auto scans = float32_array(rssi_dbm, Argument::rssi_dbm);
  const auto dimensions = scans.ndim();
  if ((dimensions != 1 && dimensions != 2) || scans.shape(dimensions - 1) != n)
    refuse_shape(Argument::rssi_dbm, scans,
        "(" + n_text + ",) or (B, " + n_text + "), one column per row of ap_xy_m");
  const std::size_t floors = whole_size(n_floors, Argument::n_floors, most_floors);
  const std::size_t wanted = whole_size(span, Argument::span, most_span);
  const double silent = real_number(silent_dbm, Argument::silent_dbm);
  const auto each = static_cast<py::ssize_t>(wanted);
  constexpr auto kinds = static_cast<py::ssize_t>(floor_feature_count);
  const auto batch = dimensions == 2 ? scans.shape(0) : 1;
  py::array_t<std::int32_t> start(dimensions == 2 ? Shape{batch} : Shape{});
  py::array_t<float> features(dimensions == 2 ? Shape{batch, each, kinds} : Shape{each, kinds});
  const InstalledAps aps{places.data(), installed_on.data(), size(n), floors};
  const float* const from = scans.data();
  std::int32_t* const to_start = start.mutable_data();
  float* const to_features = features.mutable_data();
  check(run(size(batch * n) > long_work_values,
            [&] {
              return rssfix::floor_features(
                  from, size(batch), aps, silent, wanted, to_start, to_features);
            }),
      {{Argument::rssi_dbm, rssi_dbm}, {Argument::ap_xy_m, ap_xy_m}, {Argument::ap_floor, ap_floor},
          {Argument::n_floors, n_floors}, {Argument::silent_dbm, silent_dbm},
          {Argument::span, span}},
      "a floor from 0 to " + std::to_string(floors - 1));
  return py::make_tuple(std::move(start), std::move(features));
}

} // namespace

void bind_floor_features(py::module_& m) {
  m.def("floor_features", &floor_features);
}

} // namespace rssfix::python
