#pragma once

#include <pybind11/pybind11.h>

namespace rssfix::python {

void bind_city(pybind11::module_& m);
void bind_fingerprints(pybind11::module_& m);
void bind_floor_features(pybind11::module_& m);
void bind_floor_map(pybind11::module_& m);
void bind_geometric_median(pybind11::module_& m);
void bind_kalman_filter(pybind11::module_& m);
void bind_level_likelihoods(pybind11::module_& m);
void bind_level_sums(pybind11::module_& m);
void bind_path_loss_pdf(pybind11::module_& m);
void bind_rank_pdf(pybind11::module_& m);
void bind_tracking(pybind11::module_& m);
void bind_weighted_knn(pybind11::module_& m);

} // namespace rssfix::python
