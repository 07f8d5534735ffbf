#include "rssfix/level_sums.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

constexpr std::size_t long_work_values = 1024;

using Levels = py::array_t<std::uint8_t, py::array::c_style>;

py::array_t<float> level_sums(
    const py::object& maps, const py::object& tables, const py::object& out) {
  // Levels are indices: other types are refused rather than converted on every call.
  if (!py::isinstance<Levels>(maps))
    throw py::type_error("maps is a " + std::string(Py_TYPE(maps.ptr())->tp_name) +
                         ": expected a numpy array of uint8 in C order");
  const auto levels = py::reinterpret_borrow<Levels>(maps);
  if (levels.ndim() != 2)
    refuse_shape(Argument::maps, levels, "(maps, cells)");
  const auto values = float32_array(tables, Argument::tables);
  constexpr auto each = static_cast<py::ssize_t>(level_count);
  if (values.ndim() != 2 || values.shape(0) != levels.shape(0) || values.shape(1) != each)
    refuse_shape(Argument::tables, values,
        "(" + std::to_string(levels.shape(0)) + ", 256), one table per map");
  auto result = output_array(out, {levels.shape(1)}, values);
  const std::size_t count = size(levels.shape(0));
  const std::size_t cells = size(levels.shape(1));
  const std::uint8_t* const from = levels.data();
  const float* const table = values.data();
  float* const to = result.mutable_data();
  check(run(count * cells > long_work_values,
            [&] { return rssfix::level_sums(from, count, cells, table, to); }),
      {{Argument::maps, maps}, {Argument::tables, tables}});
  return result;
}

} // namespace

void bind_level_sums(py::module_& m) {
  m.def("level_sums", &level_sums);
}

} // namespace rssfix::python
