#include "rssfix/level_sums.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

constexpr std::size_t long_work_values = 1024;

using Levels = py::array_t<std::uint16_t, py::array::c_style>;

py::array_t<float> level_sums(
    const py::object& maps, const py::object& tables, const py::object& out) {
  // Levels are indices: other types are refused rather than converted on every call.
  if (!is_plain<std::uint16_t>(maps))
    throw py::type_error("maps is a " + std::string(Py_TYPE(maps.ptr())->tp_name) +
                         ": expected a numpy array of uint16, C-contiguous and aligned");
  const auto shown = py::reinterpret_borrow<Levels>(maps);
  if (shown.ndim() != 2)
    refuse_shape(Argument::maps, shown, "(maps, cells)");
  const auto values = float32_array(tables, Argument::tables);
  constexpr auto most = static_cast<py::ssize_t>(most_levels);
  if (values.ndim() != 2 || values.shape(0) != shown.shape(0) || values.shape(1) < 2 ||
      values.shape(1) > most)
    refuse_shape(Argument::tables, values,
        "(" + std::to_string(shown.shape(0)) + ", 2 to 65536), one table per map");
  auto result = output_array(out, {shown.shape(1)}, {shown, values});
  const std::size_t count = size(shown.shape(0));
  const std::size_t cells = size(shown.shape(1));
  const std::size_t levels = size(values.shape(1));
  const std::uint16_t* const from = shown.data();
  const float* const table = values.data();
  float* const to = result.mutable_data();
  // Tables are looked through for values that are not finite, levels are added up.
  check(run(count * (cells + levels) > long_work_values,
            [&] { return rssfix::level_sums(from, count, cells, table, levels, to); }),
      {{Argument::maps, maps}, {Argument::tables, tables}},
      "a level from 0 to " + std::to_string(levels - 1));
  return result;
}

} // namespace

void bind_level_sums(py::module_& m) {
  m.def("level_sums", &level_sums);
}

} // namespace rssfix::python
