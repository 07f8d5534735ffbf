// cyclic_map, diagonal_mean, ratio_image
#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"
#include "rssfix/cyclic_map.hpp"
#include "rssfix/diagonal_mean.hpp"
#include "rssfix/ratio_image.hpp"

namespace rssfix::python {
namespace {

constexpr std::size_t long_work_values = 8192;

py::array_t<float> cyclic_map(const py::object& rssi, const py::object& out) {
  const auto input = float32_array(rssi, Argument::rssi);
  const auto dimensions = input.ndim();
  if (dimensions != 1 && dimensions != 2)
    refuse_shape(Argument::rssi, input, "(N,) or (B, N)");
  const auto n = input.shape(dimensions - 1);
  const auto batch = dimensions == 2 ? input.shape(0) : 1;
  auto result = output_array(out, dimensions == 2 ? Shape{batch, n, n} : Shape{n, n}, {input});
  const float* const from = input.data();
  float* const to = result.mutable_data();
  check(run(size(batch * n * n) > long_work_values,
            [&] { return rssfix::cyclic_map(from, size(batch), size(n), to); }),
      {{Argument::rssi, rssi}});
  return result;
}

py::array_t<float> diagonal_mean(const py::object& maps) {
  const auto input = float32_array(maps, Argument::maps);
  const auto dimensions = input.ndim();
  if ((dimensions != 2 && dimensions != 3) ||
      input.shape(dimensions - 1) != input.shape(dimensions - 2))
    refuse_shape(Argument::maps, input, "(N, N) or (B, N, N)");
  const auto n = input.shape(dimensions - 1);
  const auto batch = dimensions == 3 ? input.shape(0) : 1;
  py::array_t<float> result(dimensions == 3 ? Shape{batch, n} : Shape{n});
  const float* const from = input.data();
  float* const to = result.mutable_data();
  check(run(size(input.size()) > long_work_values,
            [&] { return rssfix::diagonal_mean(from, size(batch), size(n), to); }),
      {{Argument::maps, maps}});
  return result;
}

py::array_t<float> ratio_image(const py::object& rssi, const py::object& out) {
  const auto input = float32_array(rssi, Argument::rssi);
  if (input.ndim() != 1)
    refuse_shape(Argument::rssi, input, "(N,)");
  const auto n = input.shape(0);
  auto result = output_array(out, {n, n}, {input});
  const float* const from = input.data();
  float* const to = result.mutable_data();
  check(run(size(n * n) > long_work_values, [&] { return rssfix::ratio_image(from, size(n), to); }),
      {{Argument::rssi, rssi}});
  return result;
}

} // namespace

void bind_fingerprints(py::module_& m) {
  m.def("cyclic_map", &cyclic_map);
  m.def("diagonal_mean", &diagonal_mean);
  m.def("ratio_image", &ratio_image);
}

} // namespace rssfix::python
