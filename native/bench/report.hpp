// What rssfix_bench measured, and how it is printed.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "building.hpp"

namespace rssfix::bench {

struct Stage {
  const char* name;
  std::vector<double> times_us;
};

struct Accuracy {
  std::vector<double> errors_m;
  std::size_t right_floors = 0;
  std::size_t within_radius = 0;
  std::size_t scans = 0;

  void add(const Step& step, const rssfix_fix& fix) {
    ++scans;
    if (!fix.has_position)
      return;
    const double error_m = std::hypot(fix.x_m - step.x_m, fix.y_m - step.y_m);
    errors_m.push_back(error_m);
    right_floors += fix.floor == step.floor ? 1U : 0U;
    within_radius += error_m <= fix.accuracy_m ? 1U : 0U;
  }
};

struct Report {
  bool by_ranks = false;
  std::size_t num_runs = 0;
  const char* json = nullptr; // where to write it
  std::size_t model_bytes = 0;
  std::size_t locator_bytes = 0;
  double init_us = 0;
  double first_us = 0;
  std::size_t start_bytes = 0;
  std::size_t after_init_bytes = 0;
  Stage stages[4] = {{"window", {}}, {"locate", {}}, {"filter", {}}, {"total", {}}};
  Accuracy accuracy;
};

// The lines of `rssfix bench`, and the same as JSON; false where the file cannot be written.
void print(const Report& report);
bool write_json(const Report& report);

} // namespace rssfix::bench
