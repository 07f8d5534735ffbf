#include "rssfix/path_loss_pdf.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "grids.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

// About 4 ns for an AP and a cell of one of the vectors.
constexpr std::size_t long_work_terms = 4096;

py::array_t<double> per_ap(const py::object& values, Argument argument, py::ssize_t aps) {
  auto array = float64_array(values, argument);
  if (array.ndim() != 1 || array.shape(0) != aps)
    refuse_shape(argument, array, "(" + std::to_string(aps) + ",), one number per row of ap_xy_m");
  return array;
}

std::string range_of(Argument argument) {
  switch (argument) {
  case Argument::rssi_dbm:
    return "a level from -10000 to 10000, or NaN for not heard";
  case Argument::weight:
    return "a weight from 0 to 1000000";
  case Argument::exponent:
    return "an exponent above 0, at most 100";
  case Argument::sigma_db:
    return "a deviation from 0.001 to 10000";
  case Argument::extra_loss_db:
  case Argument::offset_sigma_db:
    return "a number from 0 to 10000";
  default:
    return "a level from -10000 to 10000";
  }
}

py::array_t<float> path_loss_pdf(const py::object& ap_xy_m, const py::object& rssi_dbm,
    const py::object& weight, const py::object& extra_loss_db, const py::object& reference_dbm,
    const py::object& exponent, const py::object& sigma_db, const py::object& offset_sigma_db,
    const py::object& silence_dbm, const py::object& origin_m, const py::object& pitch_m,
    const py::object& shape, const py::object& out) {
  const auto places = float64_array(ap_xy_m, Argument::ap_xy_m);
  if (places.ndim() != 2 || places.shape(1) != 2)
    refuse_shape(Argument::ap_xy_m, places, "(APs, 2)");
  const py::ssize_t aps = places.shape(0);
  const auto rssi = per_ap(rssi_dbm, Argument::rssi_dbm, aps);
  const auto weights = per_ap(weight, Argument::weight, aps);
  const auto extra = per_ap(extra_loss_db, Argument::extra_loss_db, aps);
  const PathLoss loss{real_number(reference_dbm, Argument::reference_dbm),
      real_number(exponent, Argument::exponent), real_number(sigma_db, Argument::sigma_db),
      real_number(offset_sigma_db, Argument::offset_sigma_db),
      real_number(silence_dbm, Argument::silence_dbm)};
  Grid grid = grid_of(origin_m, pitch_m);
  set_shape(grid, shape);
  auto result = output_array(out,
      {static_cast<py::ssize_t>(grid.height), static_cast<py::ssize_t>(grid.width)},
      {places, rssi, weights, extra});
  const Levels levels{places.data(), rssi.data(), weights.data(), extra.data(), size(aps)};
  float* const pdf = result.mutable_data();
  const Status status = run(grid.height * grid.width * levels.ap_count > long_work_terms,
      [&] { return rssfix::path_loss_pdf(levels, loss, grid, pdf); });
  check(status,
      {{Argument::ap_xy_m, ap_xy_m}, {Argument::rssi_dbm, rssi_dbm}, {Argument::weight, weight},
          {Argument::extra_loss_db, extra_loss_db}, {Argument::reference_dbm, reference_dbm},
          {Argument::exponent, exponent}, {Argument::sigma_db, sigma_db},
          {Argument::offset_sigma_db, offset_sigma_db}, {Argument::silence_dbm, silence_dbm},
          {Argument::origin_m, origin_m}, {Argument::pitch_m, pitch_m}, {Argument::shape, shape}},
      range_of(status.argument));
  return result;
}

} // namespace

void bind_path_loss_pdf(py::module_& m) {
  m.def("path_loss_pdf", &path_loss_pdf);
}

} // namespace rssfix::python
