#include "rssfix/weighted_knn.hpp"

#include "arrays.hpp"
#include "errors.hpp"
#include "module.hpp"

namespace rssfix::python {
namespace {

constexpr std::size_t long_work_values = 16384;

Metric metric_of(const py::object& metric) {
  if (PyUnicode_Check(metric.ptr())) {
    if (PyUnicode_CompareWithASCIIString(metric.ptr(), "l2") == 0)
      return Metric::l2;
    if (PyUnicode_CompareWithASCIIString(metric.ptr(), "l1") == 0)
      return Metric::l1;
    if (PyUnicode_CompareWithASCIIString(metric.ptr(), "sorensen") == 0)
      return Metric::sorensen;
  }
  throw py::value_error("metric is " + py::cast<std::string>(py::repr(metric)) +
                        ": expected 'l1', 'l2' or 'sorensen'");
}

py::tuple weighted_knn(const py::object& database, const py::object& query, const py::object& k,
    const py::object& metric) {
  const auto known = float32_array(database, Argument::database);
  if (known.ndim() != 2)
    refuse_shape(Argument::database, known, "(M, N)");
  const auto asked = float32_array(query, Argument::query);
  const auto columns = known.shape(1);
  if ((asked.ndim() != 1 && asked.ndim() != 2) || asked.shape(asked.ndim() - 1) != columns) {
    const std::string n = std::to_string(columns);
    refuse_shape(Argument::query, asked, "(" + n + ",) or (B, " + n + "), the columns of database");
  }
  const Metric how = metric_of(metric);
  const auto rows = known.shape(0);
  const std::int64_t wanted = whole_number(k, Argument::k);
  // Before the outputs get their size from it.
  const bool possible = wanted >= 1 && (wanted <= rows || rows == 0);
  if (!possible)
    check({Code::out_of_range, Argument::k}, {{Argument::k, k}},
        "1 to " + std::to_string(rows) + ", the rows of database");
  const auto queries = asked.ndim() == 2 ? asked.shape(0) : 1;
  const auto each = static_cast<py::ssize_t>(rows == 0 ? 0 : wanted);
  py::array_t<std::int64_t> indices({queries, each});
  py::array_t<float> distances({queries, each});
  const float* const from = known.data();
  const float* const at = asked.data();
  std::int64_t* const to_indices = indices.mutable_data();
  float* const to_distances = distances.mutable_data();
  check(run(size(queries * rows * columns) > long_work_values,
            [&] {
              return rssfix::weighted_knn(from, size(rows), size(columns), at, size(queries),
                  size(wanted), how, to_indices, to_distances);
            }),
      {{Argument::database, database}, {Argument::query, query}, {Argument::k, k}});
  return py::make_tuple(std::move(indices), std::move(distances));
}

} // namespace

void bind_weighted_knn(py::module_& m) {
  m.def("weighted_knn", &weighted_knn);
}

} // namespace rssfix::python
