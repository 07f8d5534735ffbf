// rank_pdf, threshold_centroid
#include "rssfix/rank_pdf.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "grids.hpp"
#include "module.hpp"
#include "rssfix/threshold_centroid.hpp"

namespace rssfix::python {

Combine combine_of(const py::object& combine) {
  if (PyUnicode_Check(combine.ptr())) {
    if (PyUnicode_CompareWithASCIIString(combine.ptr(), "sum") == 0)
      return Combine::sum;
    if (PyUnicode_CompareWithASCIIString(combine.ptr(), "product") == 0)
      return Combine::product;
    if (PyUnicode_CompareWithASCIIString(combine.ptr(), "tempered") == 0)
      return Combine::tempered;
  }
  throw py::value_error("combine is " + py::cast<std::string>(py::repr(combine)) +
                        ": expected 'sum', 'product' or 'tempered'");
}

namespace {

constexpr std::size_t long_work_cells = 4096;

py::array_t<float> rank_pdf(const py::object& ap_xy_m, const py::object& ranks,
    const py::object& mean_m, const py::object& sigma_m, const py::object& origin_m,
    const py::object& pitch_m, const py::object& shape, const py::object& combine,
    const py::object& out) {
  const auto places = float64_array(ap_xy_m, Argument::ap_xy_m);
  if (places.ndim() != 2 || places.shape(1) != 2)
    refuse_shape(Argument::ap_xy_m, places, "(APs, 2)");
  const auto heard = int32_array(ranks, Argument::ranks);
  if (heard.ndim() != 1 || heard.shape(0) != places.shape(0))
    refuse_shape(Argument::ranks, heard,
        "(" + std::to_string(places.shape(0)) + ",), one rank per row of ap_xy_m");
  const auto means = float64_array(mean_m, Argument::mean_m);
  if (means.ndim() != 1)
    refuse_shape(Argument::mean_m, means, "(ranks,)");
  const auto sigmas = float64_array(sigma_m, Argument::sigma_m);
  if (sigmas.ndim() != 1 || sigmas.shape(0) != means.shape(0))
    refuse_shape(Argument::sigma_m, sigmas, "(" + std::to_string(means.shape(0)) + ",), as mean_m");
  Grid grid = grid_of(origin_m, pitch_m);
  set_shape(grid, shape);
  const Combine how = combine_of(combine);
  auto result = output_array(out,
      {static_cast<py::ssize_t>(grid.height), static_cast<py::ssize_t>(grid.width)},
      {places, heard, means, sigmas});
  const RankedAps aps{places.data(), heard.data(), size(places.shape(0)), means.data(),
      sigmas.data(), size(means.shape(0))};
  float* const pdf = result.mutable_data();
  check(run(grid.height * grid.width * aps.ap_count > long_work_cells,
            [&] { return rssfix::rank_pdf(aps, grid, how, pdf); }),
      {{Argument::ap_xy_m, ap_xy_m}, {Argument::ranks, ranks}, {Argument::mean_m, mean_m},
          {Argument::sigma_m, sigma_m}, {Argument::origin_m, origin_m},
          {Argument::pitch_m, pitch_m}, {Argument::shape, shape}},
      "a rank from 0 to " + std::to_string(means.shape(0) - 1));
  return result;
}

py::tuple threshold_centroid(const py::object& pdf, const py::object& origin_m,
    const py::object& pitch_m, const py::object& threshold) {
  const auto cells = float32_array(pdf, Argument::pdf);
  if (cells.ndim() != 2)
    refuse_shape(Argument::pdf, cells, "(H, W)");
  Grid grid = grid_of(origin_m, pitch_m);
  grid.height = size(cells.shape(0));
  grid.width = size(cells.shape(1));
  const double least = real_number(threshold, Argument::threshold);
  Centroid centroid{};
  const float* const from = cells.data();
  check(run(size(cells.size()) > long_work_cells,
            [&] { return rssfix::threshold_centroid(from, grid, least, centroid); }),
      {{Argument::pdf, pdf}, {Argument::origin_m, origin_m}, {Argument::pitch_m, pitch_m},
          {Argument::threshold, threshold}},
      "a number above 0, at most 1");
  return py::make_tuple(centroid.x_m, centroid.y_m, centroid.area_m2);
}

} // namespace

void bind_rank_pdf(py::module_& m) {
  m.def("rank_pdf", &rank_pdf);
  m.def("threshold_centroid", &threshold_centroid);
}

} // namespace rssfix::python
