// The compiled half of sdk.native, which documents it: use that, not this module.
#include "module.hpp"

#include "rssfix/simd_level.hpp"

namespace py = pybind11;

namespace {

constexpr rssfix::SimdLevel levels[] = {
    rssfix::SimdLevel::baseline, rssfix::SimdLevel::avx2, rssfix::SimdLevel::avx512};

py::dict build_info() {
  py::list supported;
  for (const auto level : levels)
    if (rssfix::simd_level_supported(level))
      supported.append(rssfix::name(level));
  py::dict info;
  info["version"] = RSSFIX_VERSION;
  info["compiler"] = RSSFIX_COMPILER;
  info["flags"] = RSSFIX_FLAGS;
  info["simd"] = rssfix::name(rssfix::simd_level());
  info["simd_supported"] = py::tuple(supported);
  return info;
}

void set_simd(const std::string& wanted) {
  for (const auto level : levels)
    if (wanted == rssfix::name(level) && rssfix::set_simd_level(level))
      return;
  throw py::value_error("simd is '" + wanted + "': expected one of " +
                        py::cast<std::string>(py::str(build_info()["simd_supported"])));
}

} // namespace

PYBIND11_MODULE(_core, m) {
  m.attr("__version__") = RSSFIX_VERSION;
  m.def("build_info", &build_info);
  m.def("set_simd", &set_simd);
  rssfix::python::bind_city(m);
  rssfix::python::bind_fingerprints(m);
  rssfix::python::bind_floor_features(m);
  rssfix::python::bind_floor_map(m);
  rssfix::python::bind_geometric_median(m);
  rssfix::python::bind_kalman_filter(m);
  rssfix::python::bind_level_likelihoods(m);
  rssfix::python::bind_level_sums(m);
  rssfix::python::bind_path_loss_pdf(m);
  rssfix::python::bind_rank_pdf(m);
  rssfix::python::bind_tracking(m);
  rssfix::python::bind_weighted_knn(m);
}
